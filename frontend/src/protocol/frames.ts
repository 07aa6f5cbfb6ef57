/** The wire's frames, the page's side: what comes down is decoded, what goes up is encoded. */

import { type DownEvent, readEvent, type UpEvent } from "./events";

const VERSION = 1;
const HEADER_BYTES = 4;
const EVENT_UP = 0b0001;
const AUDIO_UP = 0b0010;
const EVENT_DOWN = 0b1001;
const AUDIO_DOWN = 0b1011;
const NUMBERED = 0b0001;

export type Framing = "sized" | "bare";

/** `turn` is null when the server does not number its frames, and 0 outside a turn. */
export type DownFrame = { turn: number | null } & (
  | { kind: "event"; event: DownEvent }
  | { kind: "unknown"; json: unknown }
  | { kind: "audio"; data: Uint8Array<ArrayBuffer> }
);

export class FrameError extends Error {}

/**
 * Parse one message of the server: header (4 bytes), turn (uint32, when numbered), size (uint32, when
 * sized), body.
 *
 * @throws FrameError for anything that is no frame of a server.
 */
export function decode(message: ArrayBuffer, framing: Framing = "sized"): DownFrame {
  if (message.byteLength < HEADER_BYTES) throw new FrameError("shorter than a header");
  const view = new DataView(message);
  if (view.getUint8(0) !== ((VERSION << 4) | 1))
    throw new FrameError("not version 1 with a header of 4 bytes");
  if ((view.getUint8(2) & 0x0f) !== 0) throw new FrameError("compressed");
  const type = view.getUint8(1) >> 4;
  const numbered = (view.getUint8(1) & 0x0f) === NUMBERED;
  const turn = numbered ? uint32(view, HEADER_BYTES) : null;
  const data = body(view, numbered ? HEADER_BYTES + 4 : HEADER_BYTES, framing);
  if (type === AUDIO_DOWN) return { kind: "audio", turn, data };
  if (type === EVENT_DOWN) return { turn, ...parse(data) };
  throw new FrameError(`message type ${type} does not come from a server`);
}

function body(view: DataView<ArrayBuffer>, at: number, framing: Framing): Uint8Array<ArrayBuffer> {
  const start = framing === "sized" ? at + 4 : at;
  if (framing === "sized" && uint32(view, at) !== view.byteLength - start) {
    throw new FrameError("the size disagrees with the message");
  }
  return new Uint8Array(view.buffer, start);
}

function uint32(view: DataView, at: number): number {
  if (at + 4 > view.byteLength) throw new FrameError("cut off");
  return view.getUint32(at);
}

function parse(data: Uint8Array): { kind: "event"; event: DownEvent } | { kind: "unknown"; json: unknown } {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(data));
  } catch (cause) {
    throw new FrameError("not JSON", { cause });
  }
  const event = readEvent(json);
  return event ? { kind: "event", event } : { kind: "unknown", json };
}

export function encodeEvent(event: UpEvent): Uint8Array<ArrayBuffer> {
  return frame(EVENT_UP, 0x10, new TextEncoder().encode(JSON.stringify(event)));
}

/** Sound for the server: 16 kHz, mono, 16 bit; little-endian as every browser's machine is. */
export function encodeAudio(pcm: Int16Array): Uint8Array<ArrayBuffer> {
  return frame(AUDIO_UP, 0x00, new Uint8Array(pcm.buffer, pcm.byteOffset, pcm.byteLength));
}

function frame(type: number, coding: number, body: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(HEADER_BYTES + 4 + body.length);
  bytes.set([(VERSION << 4) | 1, type << 4, coding, 0]);
  new DataView(bytes.buffer).setUint32(HEADER_BYTES, body.length);
  bytes.set(body, HEADER_BYTES + 4);
  return bytes;
}
