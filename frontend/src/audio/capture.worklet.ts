/** The microphone's samples, resampled to the wire's rate and cut into frames, to the page. */

import { Framer } from "./framer";
import { rms, toInt16, UPLINK_RATE_HZ } from "./pcm";
import { Resampler } from "./resampler";

export type CaptureMessage = { frame: Int16Array } | { level: number };

const LEVEL_MS = 20;

class Capture extends AudioWorkletProcessor {
  private readonly resampler = new Resampler(sampleRate, UPLINK_RATE_HZ);
  private readonly levels = new Framer((UPLINK_RATE_HZ * LEVEL_MS) / 1000);
  private readonly frames: Framer;

  constructor(options: { processorOptions: unknown }) {
    super();
    const { frameMs } = options.processorOptions as { frameMs: number };
    this.frames = new Framer((UPLINK_RATE_HZ * frameMs) / 1000);
  }

  process(inputs: Float32Array[][]): boolean {
    const input = inputs[0]?.[0];
    if (!input) return true;
    const samples = this.resampler.push(input);
    for (const frame of this.levels.push(samples)) this.send({ level: rms(frame) });
    for (const frame of this.frames.push(samples)) this.send({ frame: toInt16(frame) });
    return true;
  }

  private send(message: CaptureMessage): void {
    this.port.postMessage(message);
  }
}

registerProcessor("capture", Capture);
