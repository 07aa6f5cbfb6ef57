/** Earlier conversations, kept in this browser by the server's session id. */

import type { Said } from "../call/state";
import { createStore, type Store } from "./store";
import { ask } from "./token";

export interface Conversation {
  sid: string;
  persona: string;
  startedAt: number;
  updatedAt: number;
  said: readonly Said[];
}

export type ConversationEvent =
  | { type: "kept"; conversation: Conversation }
  | { type: "forgotten"; sid: string }
  /** Another tab has written. */
  | { type: "elsewhere" };

const KEY = "live-voice-call.conversations";
const MOST = 30;
const MOST_LINES = 400;

/** Newest first; the oldest give way. */
export function reduceConversations(
  all: readonly Conversation[],
  event: ConversationEvent,
): readonly Conversation[] {
  if (event.type === "elsewhere") return all;
  if (event.type === "forgotten") return all.filter((each) => each.sid !== event.sid);
  const { conversation } = event;
  const kept = { ...conversation, said: conversation.said.slice(-MOST_LINES) };
  return [kept, ...all.filter((each) => each.sid !== kept.sid)].slice(0, MOST);
}

export type Conversations = Store<readonly Conversation[], ConversationEvent>;

export function openConversations(storage: Storage | null): Conversations {
  let kept = true; // what the storage did not take is known to this page alone
  const latest = (all: readonly Conversation[]) => (storage && kept ? read(storage) : all);
  const store = createStore(
    (all: readonly Conversation[], event: ConversationEvent) => reduceConversations(latest(all), event),
    read(storage),
  );
  store.watch((all) => {
    kept = write(storage, all);
  });
  return store;
}

/** What another tab keeps or forgets is seen here at once. */
export function followOtherTabs(conversations: Conversations): void {
  window.addEventListener("storage", ({ key }) => {
    if (key === KEY || key === null) conversations.dispatch({ type: "elsewhere" });
  });
}

/** Have the page's server delete it: none of it is left where there is none, or none of this caller's. */
export async function deleteConversation(sid: string): Promise<void> {
  const { ok, status } = await ask(`/api/conversations/${sid}`, { method: "DELETE" });
  if (!ok && status !== 404) throw new Error(`DELETE of a conversation answered ${status}`);
}

function write(storage: Storage | null, all: readonly Conversation[]): boolean {
  try {
    storage?.setItem(KEY, JSON.stringify(all));
    return true;
  } catch {
    return false; // As with the settings: the call matters more.
  }
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
