/** The friend's voice: sound of numbered turns, through the jitter buffer, to the chosen speaker. */

import { loadWorklet } from "./loading";
import { fromBytes, VOICE_RATE_HZ } from "./pcm";
import type { PlaybackNews, PlaybackOrder } from "./playback.worklet";
import playbackUrl from "./playback.worklet.ts?worker&url";
import { Resampler } from "./resampler";

export class Speaker {
  private resampling: { turn: number; resampler: Resampler } | null = null;
  private oddByte: number | null = null;
  /** Whole sentences are decoded one after another, so that they play in order. */
  private decoding: Promise<void> = Promise.resolve();

  private constructor(
    private readonly context: AudioContext,
    private readonly node: AudioWorkletNode,
    private readonly gain: GainNode,
  ) {}

  static async open(context: AudioContext, heard: (news: PlaybackNews) => void): Promise<Speaker> {
    await loadWorklet(context, playbackUrl);
    const node = new AudioWorkletNode(context, "playback", { numberOfInputs: 0, outputChannelCount: [1] });
    const gain = context.createGain();
    node.connect(gain).connect(context.destination);
    node.port.onmessage = ({ data }: MessageEvent<PlaybackNews>) => heard(data);
    return new Speaker(context, node, gain);
  }

  /** Streamed sound: 16 bit at 24 kHz, cut anywhere. */
  pcm(turn: number, data: Uint8Array): number {
    if (this.resampling?.turn !== turn) this.begin(turn);
    const samples = fromBytes(this.whole(data));
    const resampler = this.resampling?.resampler as Resampler;
    this.push(turn, resampler.push(samples));
    return (samples.length * 1000) / VOICE_RATE_HZ;
  }

  /** One whole sentence in a format that the browser decodes; its length in ms, or null if it cannot. */
  file(turn: number, data: Uint8Array<ArrayBuffer>): Promise<number | null> {
    const decoded = this.decoding.then(async () => {
      try {
        const audio = await this.context.decodeAudioData(data.slice().buffer);
        this.push(turn, audio.getChannelData(0).slice());
        return audio.duration * 1000;
      } catch {
        return null;
      }
    });
    this.decoding = decoded.then(() => undefined);
    return decoded;
  }

  /** The turn has all its sound. */
  end(turn: number): void {
    void this.decoding.then(() => {
      if (this.resampling?.turn === turn) {
        this.push(turn, this.resampling.resampler.flush());
        this.resampling = null;
      }
      this.order({ order: "end", turn });
    });
  }

  cut(turn: number): void {
    this.order({ order: "cut", turn });
  }

  volume(share: number): void {
    this.gain.gain.setTargetAtTime(share * share, this.context.currentTime, 0.02);
  }

  close(): void {
    this.node.port.onmessage = null;
    this.node.disconnect();
    this.gain.disconnect();
  }

  private begin(turn: number): void {
    this.resampling = { turn, resampler: new Resampler(VOICE_RATE_HZ, this.context.sampleRate) };
    this.oddByte = null;
  }

  /** Half a sample at the end waits for its other half. */
  private whole(data: Uint8Array): Uint8Array {
    const odd = this.oddByte;
    const all = odd === null ? data : Uint8Array.from([odd, ...data]);
    this.oddByte = all.length % 2 === 1 ? (all.at(-1) as number) : null;
    return all.subarray(0, all.length & ~1);
  }

  private push(turn: number, samples: Float32Array<ArrayBuffer>): void {
    this.order({ order: "push", turn, samples }, [samples.buffer]);
  }

  private order(order: PlaybackOrder, transfer: Transferable[] = []): void {
    this.node.port.postMessage(order, transfer);
  }
}
