/**
 * The playback queue: plays what arrives without gaps where it can, and without clicks where it cannot.
 *
 * It waits until `targetMs` are buffered, grows that after every underrun, fades out when it runs dry or is
 * cut, and knows how much of which turn was really played. Pure: pulled by the audio worklet.
 */

export const START_MS = 80;
const MOST_MS = 600;
const GROWTH_MS = 60;
const FADE_MS = 12;
const CALM_MS = 20_000; // so long without an underrun earns one step back towards START_MS

interface Chunk {
  turn: number;
  samples: Float32Array;
}

export interface Report {
  /** The turn whose samples were pulled last, 0 before the first. */
  turn: number;
  playedMs: number;
  bufferedMs: number;
  targetMs: number;
  underruns: number;
}

/** `drained` speaks for every turn up to this one. */
export type Happening = { what: "started" | "drained"; turn: number };

export class JitterBuffer {
  private chunks: Chunk[] = [];
  private offset = 0; // into the first chunk
  private buffered = 0; // samples in all chunks that were not pulled yet
  private playing = false;
  private gain = 0;
  private cutThrough = 0;
  private endedThrough = 0;
  private dropping = false;
  private turn = 0;
  private played = 0; // samples of `turn`
  private started = 0;
  private drained = 0;
  private targetMs = START_MS;
  private underruns = 0;
  private calm = 0; // samples since the last underrun

  constructor(private readonly rate: number) {}

  push(turn: number, samples: Float32Array): void {
    if (turn <= this.cutThrough || samples.length === 0) return;
    this.chunks.push({ turn, samples });
    this.buffered += samples.length;
  }

  /** No more samples of this turn will come: its last ones play without waiting for others. */
  end(turn: number): void {
    this.endedThrough = Math.max(this.endedThrough, turn);
  }

  /** Silence this turn and those before it, over a short fade. */
  cut(turn: number): void {
    this.cutThrough = Math.max(this.cutThrough, turn);
    this.endedThrough = Math.max(this.endedThrough, turn);
    this.dropping = this.chunks.some((chunk) => chunk.turn <= turn);
  }

  /** Fill `out`, mono, and say which turns began or ended in it. */
  pull(out: Float32Array): Happening[] {
    const happenings: Happening[] = [];
    if (this.dropping && this.gain === 0) this.drop();
    if (!this.playing) this.playing = this.mayStart();
    for (let i = 0; i < out.length; i++) out[i] = this.next(happenings);
    this.settle(happenings);
    return happenings;
  }

  report(): Report {
    const ms = (samples: number) => (samples * 1000) / this.rate;
    const { turn, targetMs, underruns } = this;
    return { turn, playedMs: ms(this.played), bufferedMs: ms(this.buffered), targetMs, underruns };
  }

  private mayStart(): boolean {
    const first = this.chunks[0];
    if (!first) return false;
    return this.buffered * 1000 >= this.targetMs * this.rate || first.turn <= this.endedThrough;
  }

  private next(happenings: Happening[]): number {
    const chunk = this.chunks[0];
    if (!this.playing || !chunk) return 0;
    if (!this.fade(chunk)) return 0;
    this.enter(chunk.turn, happenings);
    const sample = (chunk.samples[this.offset] as number) * this.gain;
    this.advance(chunk);
    return sample;
  }

  /** Move the gain one step; false when the fade has reached silence and the queue must rest. */
  private fade(chunk: Chunk): boolean {
    const steps = (FADE_MS * this.rate) / 1000;
    const last = (this.chunks.at(-1) as Chunk).turn;
    const dry = this.buffered <= steps * this.gain && last > this.endedThrough;
    const silence = this.dropping && chunk.turn <= this.cutThrough;
    this.gain = silence || dry ? Math.max(0, this.gain - 1 / steps) : Math.min(1, this.gain + 1 / steps);
    if (this.gain > 0) return true;
    if (silence) this.drop();
    else this.starve();
    return false;
  }

  private starve(): void {
    this.playing = false;
    this.underruns++;
    this.calm = 0;
    this.targetMs = Math.min(MOST_MS, this.targetMs + GROWTH_MS);
  }

  private drop(): void {
    const first = this.chunks[0];
    if (first && first.turn <= this.cutThrough) this.offset = 0;
    this.chunks = this.chunks.filter((chunk) => chunk.turn > this.cutThrough);
    this.buffered = this.chunks.reduce((sum, chunk) => sum + chunk.samples.length, 0) - this.offset;
    this.dropping = false;
    this.playing = false;
    this.gain = 0;
  }

  private enter(turn: number, happenings: Happening[]): void {
    if (turn !== this.turn) {
      this.turn = turn;
      this.played = 0;
    }
    if (turn > this.started) {
      this.started = turn;
      happenings.push({ what: "started", turn });
    }
  }

  private advance(chunk: Chunk): void {
    this.offset++;
    this.buffered--;
    this.played++;
    this.calm++;
    if (this.offset < chunk.samples.length) return;
    this.chunks.shift();
    this.offset = 0;
  }

  /** After a block: say which turns are over, and take back a step of delay after a calm while. */
  private settle(happenings: Happening[]): void {
    if (this.playing && this.chunks.length === 0) {
      if (this.turn > this.endedThrough) this.starve();
      this.playing = false;
      this.gain = 0;
    }
    const over = Math.min(this.endedThrough, (this.chunks[0]?.turn ?? Number.POSITIVE_INFINITY) - 1);
    if (over > this.drained) {
      this.drained = over;
      happenings.push({ what: "drained", turn: over });
    }
    if (this.calm > (CALM_MS * this.rate) / 1000) {
      this.calm = 0;
      this.targetMs = Math.max(START_MS, this.targetMs - GROWTH_MS);
    }
  }
}
