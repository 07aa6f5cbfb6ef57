/** The voice's samples from the page, through the jitter buffer, to the speaker. */

import { type Happening, JitterBuffer, type Report } from "./jitter";
import { rms } from "./pcm";

export type PlaybackOrder =
  | { order: "push"; turn: number; samples: Float32Array }
  | { order: "end" | "cut"; turn: number };

/** `level` is the RMS of what was played since the last news; `at` is the audio clock in seconds. */
export type PlaybackNews = Report & { happenings: Happening[]; level: number; at: number };

const NEWS_MS = 20;

class Playback extends AudioWorkletProcessor {
  private readonly buffer = new JitterBuffer(sampleRate);
  private happenings: Happening[] = [];
  private squares = 0;
  private samples = 0;

  constructor() {
    super();
    this.port.onmessage = ({ data }: MessageEvent<PlaybackOrder>) => this.obey(data);
  }

  process(_inputs: Float32Array[][], outputs: Float32Array[][]): boolean {
    const [out, ...others] = outputs[0] ?? [];
    if (!out) return true;
    this.happenings.push(...this.buffer.pull(out));
    for (const other of others) other.set(out);
    this.squares += rms(out) ** 2 * out.length;
    this.samples += out.length;
    if (this.samples * 1000 >= NEWS_MS * sampleRate) this.tell();
    return true;
  }

  private obey(order: PlaybackOrder): void {
    if (order.order === "push") this.buffer.push(order.turn, order.samples);
    else if (order.order === "end") this.buffer.end(order.turn);
    else this.buffer.cut(order.turn);
  }

  private tell(): void {
    const level = Math.sqrt(this.squares / this.samples);
    const news: PlaybackNews = {
      ...this.buffer.report(),
      happenings: this.happenings,
      level,
      at: currentTime,
    };
    this.port.postMessage(news);
    this.happenings = [];
    this.squares = 0;
    this.samples = 0;
  }
}

registerProcessor("playback", Playback);
