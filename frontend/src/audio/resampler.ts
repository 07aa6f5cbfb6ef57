/** Change the sample rate of a stream: a polyphase low-pass filter (Kaiser-windowed sinc). Pure. */

const HALF_WIDTH = 16; // zero crossings of the sinc on each side, counted at the lower of the two rates
const KAISER_BETA = 7.86; // 80 dB down in the stop band
const CUTOFF = 0.92; // of the lower Nyquist frequency: the rest is the transition band

export class Resampler {
  private readonly up: number;
  private readonly down: number;
  private readonly taps: number;
  private readonly bank: Float32Array;
  private history: Float32Array;
  private phase = 0;

  constructor(from: number, to: number) {
    const divisor = gcd(from, to);
    this.up = to / divisor;
    this.down = from / divisor;
    this.taps = 2 * Math.ceil(HALF_WIDTH * Math.max(1, from / to));
    this.bank = filterBank(this.up, this.taps, Math.min(1, to / from) * CUTOFF);
    this.history = new Float32Array(this.taps / 2 - 1);
  }

  /** What `input` gives at the new rate; the filter's tail waits for the next call or for `flush`. */
  push(input: Float32Array): Float32Array<ArrayBuffer> {
    const samples = concat(this.history, input);
    const output = new Float32Array(this.ready(samples.length));
    let index = 0;
    for (let i = 0; i < output.length; i++) {
      output[i] = this.at(samples, index);
      this.phase += this.down;
      index += Math.floor(this.phase / this.up);
      this.phase %= this.up;
    }
    this.history = samples.slice(index);
    return output;
  }

  /** The last samples, as if silence followed. */
  flush(): Float32Array<ArrayBuffer> {
    return this.push(new Float32Array(this.taps / 2));
  }

  /** How many outputs have all their inputs: the largest n with index(n - 1) + taps <= length. */
  private ready(length: number): number {
    const room = length - this.taps;
    return room < 0 ? 0 : Math.floor(((room + 1) * this.up - 1 - this.phase) / this.down) + 1;
  }

  private at(samples: Float32Array, index: number): number {
    const row = this.phase * this.taps;
    let sum = 0;
    for (let k = 0; k < this.taps; k++) {
      sum += (samples[index + k] as number) * (this.bank[row + k] as number);
    }
    return sum;
  }
}

/** One filter for each position of an output between two inputs, each with a gain of exactly 1 at 0 Hz. */
function filterBank(phases: number, taps: number, cutoff: number): Float32Array {
  const bank = new Float32Array(phases * taps);
  for (let phase = 0; phase < phases; phase++) {
    const row = bank.subarray(phase * taps, (phase + 1) * taps);
    for (let k = 0; k < taps; k++) {
      const distance = k - (taps / 2 - 1) - phase / phases;
      row[k] = cutoff * sinc(cutoff * distance) * kaiser(distance / (taps / 2));
    }
    const gain = row.reduce((sum, tap) => sum + tap, 0);
    for (let k = 0; k < taps; k++) row[k] = (row[k] as number) / gain;
  }
  return bank;
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}

function kaiser(x: number): number {
  return Math.abs(x) >= 1 ? 0 : bessel(KAISER_BETA * Math.sqrt(1 - x * x)) / bessel(KAISER_BETA);
}

/** The modified Bessel function of the first kind, order 0, by its series. */
function bessel(x: number): number {
  let sum = 1;
  for (let k = 1, term = 1; term > 1e-9 * sum; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}

function concat(a: Float32Array, b: Float32Array): Float32Array {
  const all = new Float32Array(a.length + b.length);
  all.set(a);
  all.set(b, a.length);
  return all;
}
