/** Earlier conversations, kept in this browser by the server's session id. */

import type { Said } from "../call/state";
import { createStore, type Store } from "./store";

export interface Conversation {
  sid: string;
  persona: string;
  startedAt: number;
  updatedAt: number;
  said: readonly Said[];
}

export type ConversationEvent =
  | { type: "kept"; conversation: Conversation }
  | { type: "forgotten"; sid: string };

const KEY = "live-voice-call.conversations";
const MOST = 30;
const MOST_LINES = 400;

/** Newest first; the oldest give way. */
export function reduceConversations(
  all: readonly Conversation[],
  event: ConversationEvent,
): readonly Conversation[] {
  if (event.type === "forgotten") return all.filter((each) => each.sid !== event.sid);
  const { conversation } = event;
  const kept = { ...conversation, said: conversation.said.slice(-MOST_LINES) };
  return [kept, ...all.filter((each) => each.sid !== kept.sid)].slice(0, MOST);
}

export type Conversations = Store<readonly Conversation[], ConversationEvent>;

export function openConversations(storage: Storage | null): Conversations {
  const store = createStore(reduceConversations, read(storage));
  store.watch((all) => {
    try {
      storage?.setItem(KEY, JSON.stringify(all));
    } catch {
      // As with the settings: the call matters more.
    }
  });
  return store;
}

function read(storage: Storage | null): readonly Conversation[] {
  try {
    const kept: unknown = JSON.parse(storage?.getItem(KEY) ?? "[]");
    return Array.isArray(kept) ? kept.filter(isConversation) : [];
  } catch {
    return [];
  }
}

function isConversation(value: unknown): value is Conversation {
  const { sid, persona, startedAt, updatedAt, said } = (value ?? {}) as Partial<Conversation>;
  return (
    typeof sid === "string" &&
    /^[\w-]{1,64}$/.test(sid) &&
    typeof persona === "string" &&
    typeof startedAt === "number" &&
    typeof updatedAt === "number" &&
    Array.isArray(said) &&
    said.every((line) => typeof line?.text === "string" && typeof line?.at === "number")
  );
}
