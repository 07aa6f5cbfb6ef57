/** A turn's latency as bars on one time line, from the end of the caller's speech. Pure. */

import type { Metrics } from "../protocol/events";
import type { Turn } from "./state";

export type Stage =
  | "endpoint"
  | "asr_final"
  | "llm_first_token"
  | "tts_first_byte"
  | "first_audio"
  | "buffer"
  | "output";

export interface Bar {
  stage: Stage;
  fromMs: number;
  toMs: number;
}

export interface Waterfall {
  bars: readonly Bar[];
  totalMs: number;
  /** Without the server's timings only the page's own are known. */
  measured: boolean;
}

const SERVER_STAGES = ["endpoint", "asr_final", "llm_first_token", "tts_first_byte", "first_audio"] as const;

/**
 * Each bar runs from the milestone before it to its own. The page's clock and the server's meet where the
 * first sound was sent: the way through the network is in neither, and counted as nothing.
 *
 * @returns null while the turn has made no sound yet.
 */
export function waterfall(turn: Turn): Waterfall | null {
  if (turn.soundAt === null || turn.heardAt === null) return null;
  const server = turn.metrics ? serverBars(turn.metrics) : [];
  const before = server.at(-1)?.toMs ?? 0;
  const played = before + Math.max(0, turn.heardAt - turn.soundAt);
  const totalMs = played + turn.outputMs;
  const page: Bar[] = [
    { stage: "buffer", fromMs: before, toMs: played },
    { stage: "output", fromMs: played, toMs: totalMs },
  ];
  return { bars: [...server, ...page], totalMs, measured: server.length > 0 };
}

/** Stages that the server did not time are left out; clocks never run backwards here. */
function serverBars(metrics: Metrics): Bar[] {
  const bars: Bar[] = [];
  for (const stage of SERVER_STAGES) {
    const toMs = metrics[stage];
    if (typeof toMs !== "number") continue;
    const fromMs = bars.at(-1)?.toMs ?? 0;
    bars.push({ stage, fromMs, toMs: Math.max(fromMs, toMs) });
  }
  return bars;
}
