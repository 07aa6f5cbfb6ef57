/** Follows what the speaker has played: into the state, and to the server as positions. */

import type { PlaybackNews } from "../audio/playback.worklet";
import type { CallEvent } from "../call/reduce";
import { type CallState, currentTurn, wireOf } from "../call/state";
import type { Store } from "./store";

const POSITION_MS = 200;
const STEP_MS = 50; // of what was played: finer than anyone sees

/** What it has to know of the sound's way out. */
export interface Ear {
  /** From the playback worklet to the ear. */
  readonly delayMs: number;
  /** An instant of the audio clock on the page's. */
  pageTime(audioSeconds: number): number;
}

export class Playout {
  private reportedAt = Number.NEGATIVE_INFINITY;

  /** `report` tells the server how much of its turn was heard. */
  constructor(
    private readonly store: Store<CallState, CallEvent>,
    private readonly report: (turn: number, playedMs: number) => void,
    private readonly now: () => number = () => performance.now(),
  ) {}

  heard(news: PlaybackNews, ear: Ear): void {
    for (const { what, turn } of news.happenings) {
      if (what === "started") {
        const at = ear.pageTime(news.at);
        this.store.dispatch({ type: "started", turn, at, outputMs: ear.delayMs });
      } else this.drained(turn, news);
    }
    if (news.turn !== 0) this.played(news.turn, Math.max(0, news.playedMs - ear.delayMs));
  }

  /** A turn was cut off, or the call hung up: the server must know how far it was heard. */
  cut(before: CallState): void {
    const turn = currentTurn(before);
    if (turn && turn.heardAt !== null && !turn.over) this.tell(turn.id, turn.playedMs, before);
  }

  private played(turn: number, ms: number): void {
    const current = currentTurn(this.store.get());
    if (!current || current.id !== turn || current.over || ms - current.playedMs < STEP_MS) return;
    this.store.dispatch({ type: "played", turn, ms });
    if (this.now() - this.reportedAt >= POSITION_MS) this.tell(turn, ms);
  }

  private drained(turn: number, news: PlaybackNews): void {
    const last = currentTurn(this.store.get());
    if (news.turn === turn && last?.id === turn && !last.cut) this.tell(turn, news.playedMs);
    this.store.dispatch({ type: "drained", turn });
  }

  private tell(id: number, ms: number, state = this.store.get()): void {
    this.reportedAt = this.now();
    const turn = wireOf(state, id);
    if (turn !== null && state.line === "open") this.report(turn, Math.round(ms));
  }
}
