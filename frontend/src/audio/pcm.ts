/** Samples: as the wire carries them (16 bit) and as the browser plays them (-1 to 1). Pure. */

export const UPLINK_RATE_HZ = 16_000;
export const VOICE_RATE_HZ = 24_000;

export function toInt16(samples: Float32Array): Int16Array<ArrayBuffer> {
  return Int16Array.from(samples, (x) => Math.round(Math.max(-1, Math.min(1, x)) * 32767));
}

/** An odd last byte is dropped: it is half a sample. */
export function fromBytes(data: Uint8Array): Float32Array<ArrayBuffer> {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const samples = new Float32Array(data.byteLength >> 1);
  for (let i = 0; i < samples.length; i++) samples[i] = view.getInt16(2 * i, true) / 32768;
  return samples;
}

export function rms(samples: Float32Array): number {
  let sum = 0;
  for (const x of samples) sum += x * x;
  return samples.length === 0 ? 0 : Math.sqrt(sum / samples.length);
}

/** Loudness as the eye expects it, 0 to 1: from -55 dB (a quiet room) to -12 dB (a clear voice). */
export function loudness(rootMeanSquare: number): number {
  const db = 20 * Math.log10(rootMeanSquare + 1e-7);
  return Math.max(0, Math.min(1, (db + 55) / 43));
}
