import { readFileSync } from "node:fs";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { UpEvent } from "./events";
import { type DownFrame, decode, encodeAudio, encodeEvent, FrameError, type Framing } from "./frames";

interface Vector {
  name: string;
  direction: "up" | "down";
  framing: Framing;
  canonical?: boolean;
  hex: string;
  meaning?: { kind: string; event?: string; payload?: object; data?: string; turn?: number };
}

const file = new URL("../../../tests/vectors/frames.json", import.meta.url);
const vectors = (JSON.parse(readFileSync(file, "utf-8")) as { frames: Vector[] }).frames;
const down = vectors.filter((vector) => vector.direction === "down");
const up = vectors.filter((vector) => vector.direction === "up" && vector.canonical);

const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex, "hex"));
const hex = (data: Uint8Array) => Buffer.from(data).toString("hex");

function meaning(frame: DownFrame): object {
  const turn = frame.turn === null ? {} : { turn: frame.turn };
  if (frame.kind === "audio") return { kind: "audio", data: hex(frame.data), ...turn };
  return frame.kind === "event" ? { kind: "event", ...frame.event, ...turn } : frame;
}

describe("golden frames", () => {
  it.each(down)("$name means what the server's codec says", (vector) => {
    expect(meaning(decode(bytes(vector.hex).buffer, vector.framing))).toEqual(vector.meaning);
  });

  it.each(up)("$name is encoded to the byte", ({ hex: expected, meaning }) => {
    const encoded =
      meaning?.kind === "audio"
        ? encodeAudio(new Int16Array(bytes(meaning.data ?? "").buffer))
        : encodeEvent({ event: meaning?.event, payload: meaning?.payload } as UpEvent);
    expect(hex(encoded)).toBe(expected);
  });
});

describe("what is no frame", () => {
  it("any bytes give a frame or a FrameError, never anything else", () => {
    const noise = fc.uint8Array({ maxLength: 64 });
    const almost = fc.tuple(fc.constantFrom(...down), fc.nat(), fc.nat(255)).map(([vector, at, value]) => {
      const data = bytes(vector.hex);
      data[at % data.length] = value;
      return data;
    });
    fc.assert(
      fc.property(fc.oneof(noise, almost), fc.constantFrom<Framing>("sized", "bare"), (data, framing) => {
        try {
          expect(["event", "audio", "unknown"]).toContain(decode(Uint8Array.from(data).buffer, framing).kind);
        } catch (error) {
          expect(error).toBeInstanceOf(FrameError);
        }
      }),
      { numRuns: 500 },
    );
  });

  it("an event of a later protocol is unknown, not an error", () => {
    const body = new TextEncoder().encode('{"event":"Dance","payload":{}}');
    const data = new Uint8Array([0x11, 0x90, 0x10, 0, 0, 0, 0, body.length, ...body]);
    expect(decode(data.buffer)).toEqual({
      kind: "unknown",
      turn: null,
      json: { event: "Dance", payload: {} },
    });
  });
});
