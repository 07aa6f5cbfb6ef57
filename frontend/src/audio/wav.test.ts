import { expect, it } from "vitest";
import { wav } from "./wav";

it("a WAV says what it holds: one channel of 16-bit samples, in order", () => {
  const file = wav([Int16Array.of(1, -2), Int16Array.of(300)], 16_000);
  const hex = [...file].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
  expect(hex).toBe(
    [
      "52 49 46 46 2a 00 00 00 57 41 56 45", // RIFF, 42 bytes, WAVE
      "66 6d 74 20 10 00 00 00 01 00 01 00 80 3e 00 00 00 7d 00 00 02 00 10 00", // fmt: 16000 Hz, 32000 B/s
      "64 61 74 61 06 00 00 00 01 00 fe ff 2c 01", // data
    ].join(" "),
  );
});
