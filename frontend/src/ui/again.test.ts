import { expect, it } from "vitest";
import { reduce } from "../call/reduce";
import { type CallState, type Failure, HOME } from "../call/state";
import { again, canCarryOn } from "./again";

const EARLIER = [{ who: "caller" as const, text: "昨天", at: 1 }];
const KEPT = [{ sid: "s1", persona: "her", startedAt: 1, updatedAt: 2, said: EARLIER }];

function dialled(typing: boolean): CallState {
  const state = reduce(HOME, { type: "dialled", sid: "s1", earlier: EARLIER, typing, at: 1 });
  return reduce(state, { type: "micless", micless: typing });
}

function failed(state: CallState, failure: Failure): CallState {
  return reduce(state, { type: "failed", failure, at: 2 });
}

it("goes on with the conversation, also by typing where the microphone was refused", () => {
  const state = failed(dialled(false), "microphone-denied");
  expect({ ...again(state, KEPT), micless: true }).toEqual({ sid: "s1", earlier: EARLIER, micless: true });
});

it("does not ask who typed for a microphone", () => {
  const over = reduce(dialled(true), { type: "hung up", at: 2 });
  expect(again(over, KEPT)).toEqual({ sid: "s1", earlier: EARLIER, micless: true });
});

it("asks for one where it was only unplugged, or chosen while typing", () => {
  const hangUp = { type: "hung up" as const, at: 2 };
  const unplugged = reduce(reduce(dialled(false), { type: "micless", micless: true }), hangUp);
  const chosen = reduce(reduce(dialled(true), { type: "micless", micless: false }), hangUp);
  for (const state of [unplugged, chosen]) expect(again(state, KEPT).micless).toBe(false);
});

it("begins anew where there is nothing to go on with", () => {
  expect(again(HOME, KEPT)).toEqual({ micless: false });
  const refused = failed(dialled(false), "bad-session");
  expect(canCarryOn(refused)).toBe(false);
  expect(again(refused, KEPT)).toEqual({ micless: false });
  expect(again(failed(dialled(false), "idle"), [])).toEqual({ sid: "s1", earlier: [], micless: false });
});
