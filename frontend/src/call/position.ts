/** How far the page has got in a call's frames: what it names when it comes back after a cut. Pure. */

import type { DownFrame } from "../protocol/frames";

/** `turn` counts SentenceRecognized; `frame` the frames since the last of them, and with it. */
export interface Position {
  turn: number;
  frame: number;
}

/** What the server said about coming back, and where the page is since then. */
export interface Place {
  /** How long the call waits for its page; null where it does not wait. */
  seconds: number | null;
  at: Position;
}

export const NOWHERE: Place = { seconds: null, at: { turn: 0, frame: 0 } };

/** After one more frame; null is one that could not be read. BotReady says where the count stands. */
export function after({ seconds, at }: Place, frame: DownFrame | null): Place {
  if (frame?.kind === "event" && frame.event.event === "BotReady") {
    const { resume } = frame.event.payload;
    return resume ? { seconds: resume.seconds, at: { turn: resume.turn, frame: resume.frame } } : NOWHERE;
  }
  const begins = frame?.kind === "event" && frame.event.event === "SentenceRecognized";
  return { seconds, at: begins ? { turn: at.turn + 1, frame: 1 } : { turn: at.turn, frame: at.frame + 1 } };
}

/** The wish in the address: keep the call for me, or go on after this frame. */
export function resumeWish({ seconds, at }: Place): string {
  return seconds === null ? "true" : `${at.turn}:${at.frame}`;
}
