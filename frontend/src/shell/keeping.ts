/** What is said in calls goes among the conversations that this browser keeps, and what is cleared leaves them. */

import type { CallEvent } from "../call/reduce";
import { type CallState, currentTurn, transcript } from "../call/state";
import type { Conversations } from "./conversations";
import type { Store } from "./store";

/** Whenever a turn is over, the call ends or the list is cleared, what was said is kept under its session. */
export function keepConversations(
  calls: Store<CallState, CallEvent>,
  conversations: Conversations,
  persona: () => string,
): void {
  calls.watch((now, before) => {
    const { sid } = now;
    const cleared = isCleared(now, before);
    if (!sid || !(cleared || isSettled(now, before))) return;
    const said = transcript(now);
    if (said.length === 0) {
      if (cleared) conversations.dispatch({ type: "forgotten", sid });
      return;
    }
    const kept = conversations.get().find((each) => each.sid === sid);
    const startedAt = kept?.startedAt ?? said[0]?.at ?? Date.now();
    const conversation = { sid, persona: persona(), startedAt, updatedAt: Date.now(), said };
    conversations.dispatch({ type: "kept", conversation });
  });
}

function isSettled(now: CallState, before: CallState): boolean {
  return now.line !== before.line || currentTurn(now)?.over !== currentTurn(before)?.over;
}

/** In the same call there are fewer lines than there were: they were cleared away. */
function isCleared(now: CallState, before: CallState): boolean {
  const fewer = now.turns.length < before.turns.length || now.earlier.length < before.earlier.length;
  return fewer && now.sid === before.sid && now.line === before.line;
}
