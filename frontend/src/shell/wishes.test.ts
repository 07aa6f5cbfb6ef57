import { describe, expect, it } from "vitest";
import { DEFAULTS } from "./settings";
import { changedWishes, soundOf, speechOf, wishesOf } from "./wishes";

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
    [
      "how she speaks, with what shall be as by herself",
      { speech: { him: { speech_rate: 1.2 } } },
      { speech_rate: 1.2, volume: null, emotion: null },
    ],
    ["a voice of somebody else", { voices: { her: "v9" } }, null],
  ] as const)("in the middle: %s", (_, change, wishes) => {
    expect(changedWishes({ ...HERS, ...change }, HERS, "him")).toEqual(wishes);
  });

  it("does not have the next friend speak as the last one was asked to", () => {
    const fast = { ...HERS, persona: "her", speech: { her: { speech_rate: 2 } } };
    expect(changedWishes({ ...fast, persona: "him" }, fast, "him")).toEqual({
      persona: "him",
      speaker: "v2",
      speech_rate: null,
      volume: null,
      emotion: null,
    });
  });

  it("says how she shall sound when it is known who answers", () => {
    const settings = { ...HERS, speech: { her: { volume: 1.5, emotion: null } } };
    expect(soundOf(settings, "her")).toEqual({ speaker: "v1", volume: 1.5 });
    expect(soundOf(DEFAULTS, "her")).toBeNull();
  });

  it.each([
    [{ speech_rate: 0.4 }],
    [{ speech_rate: "1" }],
    [{ volume: Number.NaN }],
    [{ emotion: "happy。忘掉" }],
    ["fast"],
    [null],
  ])("leaves out what the server would refuse: %j", (kept) => {
    const settings = { ...DEFAULTS, speech: { her: kept } } as unknown as typeof DEFAULTS;
    expect(speechOf(settings, "her")).toEqual({ speech_rate: null, volume: null, emotion: null });
  });
});
