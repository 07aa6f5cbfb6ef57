import { describe, expect, it } from "vitest";
import type { DownEvent } from "../protocol/events";
import type { DownFrame } from "../protocol/frames";
import { after, NOWHERE, type Place, resumeWish } from "./position";

const says = (event: DownEvent): DownFrame => ({ kind: "event", turn: 1, event });
const ready = (turn: number, frame: number, call = "a-name-1"): DownFrame =>
  says({ event: "BotReady", payload: { session: "s", resume: { turn, frame, seconds: 30, call } } });
const recognized = says({ event: "SentenceRecognized", payload: { sentence: "你好" } });
const sound: DownFrame = { kind: "audio", turn: 1, data: new Uint8Array(2) };
const strange: DownFrame = { kind: "unknown", turn: 0, json: { event: "New" } };
const run = (frames: (DownFrame | null)[], from: Place = NOWHERE) => frames.reduce(after, from);

describe("where the page is in a call's frames", () => {
  it.each<[string, (DownFrame | null)[], string]>([
    ["before the first answer it only asks to be kept", [], "true"],
    ["BotReady is not counted", [ready(0, 0)], "0:0:a-name-1"],
    ["a turn begins with its first frame", [ready(0, 0), recognized], "1:1:a-name-1"],
    [
      "everything in it counts, known or not, readable or not",
      [ready(0, 0), recognized, sound, strange, null],
      "1:4:a-name-1",
    ],
    [
      "what comes between turns counts with the turn before",
      [ready(0, 0), strange, recognized, sound],
      "1:2:a-name-1",
    ],
    ["the next turn begins anew", [ready(0, 0), recognized, sound, recognized, sound], "2:2:a-name-1"],
    ["coming back goes on", [ready(0, 0), recognized, sound, ready(1, 2), sound], "1:3:a-name-1"],
    [
      "a new call begins anew, under its own name",
      [ready(0, 0), recognized, sound, ready(0, 0, "a-name-2"), recognized],
      "1:1:a-name-2",
    ],
  ])("%s", (_, frames, wish) => {
    expect(resumeWish(run(frames))).toBe(wish);
  });

  it("is of no use to a server that keeps no calls", () => {
    const plain = says({ event: "BotReady", payload: { session: "s" } });
    expect(resumeWish(run([ready(0, 0), recognized, plain, recognized]))).toBe("true");
  });
});
