import { expect, it } from "vitest";
import { type CallEvent, reduce } from "../call/reduce";
import { HOME } from "../call/state";
import type { DownEvent } from "../protocol/events";
import { openConversations } from "./conversations";
import { keepConversations } from "./keeping";
import { createStore } from "./store";

const EARLIER = [{ who: "caller" as const, text: "昨天", at: 1 }];

function begun() {
  const calls = createStore<typeof HOME, CallEvent>(reduce, HOME);
  const conversations = openConversations(null);
  keepConversations(calls, conversations, () => "her");
  const says = (event: DownEvent, turn: number) =>
    calls.dispatch({ type: "server", event, turn, at: 10 + turn });
  const talk = (text: string, turn: number) => {
    says({ event: "SentenceRecognized", payload: { sentence: text } }, turn);
    says({ event: "TTSSentenceStart", payload: { sentence: `${text}！` } }, turn);
    says({ event: "TTSDone", payload: {} }, turn);
    calls.dispatch({ type: "drained", turn: turn + 1 });
  };
  const kept = () => conversations.get().map(({ sid, said }) => [sid, ...said.map(({ text }) => text)]);
  const dial = (sid: string | null) => {
    calls.dispatch({ type: "dialled", sid, earlier: sid ? EARLIER : [], at: 1 });
    says({ event: "BotReady", payload: { session: sid ?? "s1" } }, 0);
  };
  return { calls, talk, kept, dial };
}

it("keeps what was said when a turn is over and when the call ends", () => {
  const { calls, talk, kept, dial } = begun();
  dial(null);
  talk("你好", 1);
  expect(kept()).toEqual([["s1", "你好", "你好！"]]);
  talk("再见", 2);
  calls.dispatch({ type: "hung up", at: 99 });
  expect(kept()).toEqual([["s1", "你好", "你好！", "再见", "再见！"]]);
  calls.dispatch({ type: "left" });
  expect(kept()).toHaveLength(1);
});

it("keeps nothing of what was cleared away, and what is said after it", () => {
  const { calls, talk, kept, dial } = begun();
  dial("s2");
  talk("一个秘密", 1);
  expect(kept()).toEqual([["s2", "昨天", "一个秘密", "一个秘密！"]]);
  calls.dispatch({ type: "cleared" });
  expect(kept()).toEqual([]);
  talk("再见", 2);
  calls.dispatch({ type: "hung up", at: 99 });
  expect(kept()).toEqual([["s2", "再见", "再见！"]]);
});

it("forgets nothing when another call is dialled", () => {
  const { calls, talk, kept, dial } = begun();
  dial(null);
  talk("你好", 1);
  calls.dispatch({ type: "hung up", at: 99 });
  calls.dispatch({ type: "dialled", sid: "s1", earlier: [], at: 100 });
  dial(null);
  expect(kept()).toEqual([["s1", "你好", "你好！"]]);
});
