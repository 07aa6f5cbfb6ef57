import { expect, it } from "vitest";
import type { Turn } from "./state";
import { waterfall } from "./waterfall";

const turn = (more: Partial<Turn>): Turn =>
  ({ metrics: null, soundAt: 1000, heardAt: 1120, outputMs: 30, ...more }) as Turn;

it("runs from milestone to milestone, and on through the page's buffer to the ear", () => {
  const metrics = {
    endpoint: 600,
    asr_final: 640,
    llm_first_token: 930,
    tts_first_byte: 1120,
    first_audio: 1125,
  };
  expect(waterfall(turn({ metrics }))).toEqual({
    measured: true,
    totalMs: 1275,
    bars: [
      { stage: "endpoint", fromMs: 0, toMs: 600 },
      { stage: "asr_final", fromMs: 600, toMs: 640 },
      { stage: "llm_first_token", fromMs: 640, toMs: 930 },
      { stage: "tts_first_byte", fromMs: 930, toMs: 1120 },
      { stage: "first_audio", fromMs: 1120, toMs: 1125 },
      { stage: "buffer", fromMs: 1125, toMs: 1245 },
      { stage: "output", fromMs: 1245, toMs: 1275 },
    ],
  });
});

it("shows the page's own time where the server sent none", () => {
  expect(waterfall(turn({}))).toMatchObject({ measured: false, totalMs: 150 });
});

it("does not run backwards when two milestones changed places", () => {
  const bars = waterfall(turn({ metrics: { endpoint: 7, asr_final: 2 } }))?.bars ?? [];
  expect(bars.every(({ fromMs, toMs }) => toMs >= fromMs)).toBe(true);
});

it("is nothing before the first sound was heard", () => {
  expect(waterfall(turn({ heardAt: null }))).toBeNull();
});
