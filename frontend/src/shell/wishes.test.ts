import { describe, expect, it } from "vitest";
import { DEFAULTS } from "./settings";
import { changedWishes, wishesOf } from "./wishes";

const HERS = { ...DEFAULTS, voices: { her: "v1", him: "v2" } };

describe("what the page asks of the server", () => {
  it("from the start: streamed and numbered sound, and to be interrupted by speech unless switched off", () => {
    expect(wishesOf(DEFAULTS)).toEqual({
      delivery: "stream",
      audio_format: "pcm",
      sample_rate: 24000,
      turn_ids: true,
      events: ["SentencePartial", "BotInterrupted", "TurnMetrics"],
      barge_in: true,
    });
    expect(wishesOf({ ...DEFAULTS, bargeIn: false, persona: "him" })).toMatchObject({
      barge_in: false,
      persona: "him",
    });
  });

  it.each([
    ["nothing that it cares about", { volume: 0.3, captions: false, token: "x" }, null],
    ["interrupting", { bargeIn: false }, { barge_in: false }],
    ["the friend, whose chosen voice comes along", { persona: "him" }, { persona: "him", speaker: "v2" }],
    ["the voice", { voices: { ...HERS.voices, him: "v3" } }, { speaker: "v3" }],
    ["a voice of somebody else", { voices: { her: "v9" } }, null],
  ])("in the middle: %s", (_, change, wishes) => {
    expect(changedWishes({ ...HERS, ...change }, HERS, "him")).toEqual(wishes);
  });
});
