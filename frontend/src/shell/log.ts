/** What the developer drawer shows: the last frames, with runs of sound folded into one line. */

import type { Store } from "./store";
import { createStore } from "./store";

export interface LogLine {
  id: number;
  at: number;
  way: "up" | "down" | "page";
  name: string;
  turn: number | null;
  frames: number;
  bytes: number;
  detail: string;
}

export type LogEntry = Omit<LogLine, "id" | "frames">;
export type Log = Store<readonly LogLine[], LogEntry | "clear">;

const MOST = 500;
export const SOUND = "audio";

export function reduceLog(lines: readonly LogLine[], entry: LogEntry | "clear"): readonly LogLine[] {
  if (entry === "clear") return [];
  const last = lines.at(-1);
  if (last && foldable(last, entry)) {
    const folded = { ...last, frames: last.frames + 1, bytes: last.bytes + entry.bytes };
    return [...lines.slice(0, -1), folded];
  }
  return [...lines.slice(1 - MOST), { ...entry, id: (last?.id ?? 0) + 1, frames: 1 }];
}

function foldable(last: LogLine, entry: LogEntry): boolean {
  return entry.name === SOUND && last.name === SOUND && last.way === entry.way && last.turn === entry.turn;
}

export function createLog(): Log {
  return createStore(reduceLog, []);
}
