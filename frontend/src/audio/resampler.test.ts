import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Resampler } from "./resampler";

const tone = (hz: number, rate: number, seconds: number) =>
  Float32Array.from({ length: Math.round(rate * seconds) }, (_, i) =>
    Math.sin((2 * Math.PI * hz * i) / rate),
  );

const all = (resampler: Resampler, blocks: Float32Array[]) => {
  const parts = [...blocks.map((block) => resampler.push(block)), resampler.flush()];
  return Float32Array.from(parts.flatMap((part) => [...part]));
};

const power = (samples: Float32Array) => samples.reduce((sum, x) => sum + x * x, 0) / samples.length;
const middle = (samples: Float32Array) => samples.slice(samples.length / 4, (samples.length * 3) / 4);
const db = (samples: Float32Array) => 10 * Math.log10(power(middle(samples)) / 0.5);

const rates = fc.constantFrom([48000, 16000], [44100, 16000], [16000, 16000], [24000, 48000], [24000, 44100]);

describe("the resampler", () => {
  it("keeps speech: 300 Hz to 6 kHz pass within 0.1 dB", () => {
    for (const hz of [300, 1000, 3400, 6000]) {
      expect(Math.abs(db(all(new Resampler(48000, 16000), [tone(hz, 48000, 0.5)])))).toBeLessThan(0.1);
    }
  });

  it("removes what 16 kHz cannot hold: 9 kHz and above are 60 dB down, not folded back", () => {
    for (const hz of [9000, 12000, 15000, 20000]) {
      expect(db(all(new Resampler(48000, 16000), [tone(hz, 48000, 0.5)]))).toBeLessThan(-60);
      expect(db(all(new Resampler(44100, 16000), [tone(hz, 44100, 0.5)]))).toBeLessThan(-60);
    }
  });

  it("gives no images when it goes up: nothing but the tone is left", () => {
    const rate = 44100;
    const heard = all(new Resampler(24000, rate), [tone(1000, 24000, 0.5)]);
    const expected = tone(1000, rate, 0.5);
    const error = middle(heard).map((x, i) => x - (middle(expected)[i] as number));
    expect(power(error)).toBeLessThan(1e-6);
  });

  it("however the stream is cut into blocks, the samples are the same", () => {
    const sizes = fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(rates, sizes, ([from, to], lengths) => {
        const sound = tone(440, from as number, lengths.reduce((sum, n) => sum + n, 0) / (from as number));
        let at = 0;
        const blocks = lengths.map((length) => {
          at += length;
          return sound.slice(at - length, at);
        });
        const cut = all(new Resampler(from as number, to as number), blocks);
        const whole = all(new Resampler(from as number, to as number), [sound]);
        expect([...cut]).toEqual([...whole]);
      }),
    );
  });

  it("keeps time: a stream of any length comes out as long as it went in, to a sample or two", () => {
    fc.assert(
      fc.property(rates, fc.integer({ min: 0, max: 5000 }), ([from, to], length) => {
        const out = all(new Resampler(from as number, to as number), [new Float32Array(length)]);
        const due = (length * (to as number)) / (from as number);
        expect(Math.abs(out.length - due)).toBeLessThanOrEqual(2);
      }),
    );
  });
});
