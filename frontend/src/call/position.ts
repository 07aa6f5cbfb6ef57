/** Which call the page is in, and how far in its frames: what it names when it comes back after a cut. Pure. */

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
  /** The call's name; a later one of the same conversation has another. */
  call: string;
  at: Position;
}

export const NOWHERE: Place = { seconds: null, call: "", at: { turn: 0, frame: 0 } };

/** After one more frame; null is one that could not be read. BotReady says where the count stands. */
export function after(place: Place, frame: DownFrame | null): Place {
  if (frame?.kind === "event" && frame.event.event === "BotReady") {
    const { resume } = frame.event.payload;
    if (!resume) return NOWHERE;
    const { turn, frame: number, seconds, call } = resume;
    return { seconds, call, at: { turn, frame: number } };
  }
  const begins = frame?.kind === "event" && frame.event.event === "SentenceRecognized";
  const { turn, frame: number } = place.at;
  return { ...place, at: begins ? { turn: turn + 1, frame: 1 } : { turn, frame: number + 1 } };
}

/** The wish in the address: keep the call for me, or go on after this frame of that call. */
export function resumeWish({ seconds, call, at }: Place): string {
  return seconds === null ? "true" : `${at.turn}:${at.frame}:${call}`;
}
