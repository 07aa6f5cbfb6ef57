import * as fc from "fast-check";
import { expect, it } from "vitest";
import { Framer } from "./framer";
import { fromBytes, loudness, rms, toInt16 } from "./pcm";

it("frames have one size, and no sample is lost or changes its place", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 50 }),
      fc.array(fc.nat(120), { maxLength: 20 }),
      (size, lengths) => {
        const framer = new Framer(size);
        let next = 0;
        const frames = lengths.flatMap((length) => framer.push(Float32Array.from({ length }, () => next++)));
        expect(frames.every((frame) => frame.length === size)).toBe(true);
        expect(frames.flatMap((frame) => [...frame])).toEqual(
          Array.from({ length: frames.length * size }, (_, i) => i),
        );
        expect(next - frames.length * size).toBeLessThan(size);
      },
    ),
  );
});

it("samples survive the way to 16 bit and back, and are bounded where they are too loud", () => {
  fc.assert(
    fc.property(fc.float({ min: -1, max: 1, noNaN: true }), (x) => {
      const bytes = new Uint8Array(toInt16(Float32Array.of(x)).buffer);
      expect(Math.abs((fromBytes(bytes)[0] as number) - x)).toBeLessThan(1 / 16000);
    }),
  );
  expect([...toInt16(Float32Array.of(3, -3))]).toEqual([32767, -32767]);
});

it("loudness goes from nothing in a quiet room to everything for a clear voice", () => {
  const tone = (peak: number) => Float32Array.from({ length: 320 }, (_, i) => peak * Math.sin(i / 3));
  expect(loudness(rms(tone(0)))).toBe(0);
  expect(loudness(rms(tone(0.001)))).toBe(0);
  expect(loudness(rms(tone(0.05)))).toBeGreaterThan(0.3);
  expect(loudness(rms(tone(0.9)))).toBe(1);
});
