/**
 * Watches over a line that may have died without closing. A browser shows no pings, so a server that has been silent is
 * asked for something. Pure: told once a second, and by counting it is patient only while the page is awake.
 */

import type { DownFrame } from "../protocol/frames";

const SILENT_S = 10;
const PATIENCE_S = 5;
const SHORT_PATIENCE_S = 3;
const STUCK_S = 6;

/** What a link was given, and what of it the network has not taken yet; in bytes. */
export interface Traffic {
  readonly given: number;
  readonly waiting: number;
}

export class Vigil {
  private mayAsk = false;
  private silentS = 0;
  /** How much longer an answer may take; null where none was asked for. */
  private leftS: number | null = null;
  private stuckS = 0;
  private taken = 0;
  /** Whether this server has answered once; or has left the line unanswered before it ever did. */
  private answers = false;
  private owes = false;

  constructor(
    private readonly ask: () => void,
    private readonly dead: () => void,
  ) {}

  /**
   * A connection has begun.
   * @param mayAsk of a server that answers, and with which nothing is lost by coming back.
   */
  begin(mayAsk: boolean): void {
    this.mayAsk = mayAsk && (this.answers || !this.owes);
    this.silentS = this.stuckS = this.taken = 0;
    this.leftS = null;
  }

  /** Whatever comes is a sign of life. */
  heard(frame: DownFrame | null): void {
    const asked = this.leftS !== null;
    if (asked && frame?.kind === "event" && frame.event.event === "BotError") this.answers = true;
    this.silentS = 0;
    this.leftS = null;
  }

  tick({ given, waiting }: Traffic): void {
    const taken = given - waiting;
    this.stuckS = waiting > 0 && taken === this.taken ? this.stuckS + 1 : 0;
    this.taken = taken;
    this.silentS++;
    if (this.leftS !== null) this.leftS--;
    if (this.leftS === 0) this.owes = true;
    if (this.stuckS >= STUCK_S || this.leftS === 0) this.dead();
    else if (this.silentS >= SILENT_S) this.doubt(PATIENCE_S);
  }

  /** Ask now; without an argument because the network has changed. */
  doubt(patienceS = SHORT_PATIENCE_S): void {
    if (!this.mayAsk) return;
    if (this.leftS === null) this.ask();
    this.leftS = Math.min(this.leftS ?? patienceS, patienceS);
  }
}
