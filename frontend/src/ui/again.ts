/** How to call once more after a call: with the same conversation, and by typing where the caller typed. Pure. */

import type { CallState } from "../call/state";
import type { DialOptions } from "../shell/calls";
import type { Conversation } from "../shell/conversations";

export function canCarryOn({ line, sid, failure }: CallState): boolean {
  return line === "ended" && sid !== null && failure !== "bad-session";
}

export function again(state: CallState, conversations: readonly Conversation[]): DialOptions {
  const micless = state.typing && state.micless; // not where a microphone was chosen since
  if (!canCarryOn(state) || !state.sid) return { micless };
  const earlier = conversations.find(({ sid }) => sid === state.sid)?.said ?? [];
  return { sid: state.sid, earlier, micless };
}
