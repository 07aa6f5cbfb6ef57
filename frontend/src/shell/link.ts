/** One WebSocket to the call server: frames in, frames out, and how it ended. */

import { subprotocols } from "../call/address";
import type { UpEvent } from "../protocol/events";
import { type DownFrame, decode, encodeAudio, encodeEvent } from "../protocol/frames";
import { type Log, SOUND } from "./log";

const CALL_OVER = 1000;
/** The server takes it for a cut, not for a goodbye. */
const BACK_SOON = 4000;

export interface LinkEars {
  /** Null for one that could not be read. */
  frame(frame: DownFrame | null): void;
  /** Told once, unless the page closed the link itself. */
  closed(code: number): void;
}

export class Link {
  private readonly socket: WebSocket;
  private deaf = false;
  /** Bytes that were given to the socket. */
  given = 0;

  constructor(
    address: string,
    token: string,
    private readonly log: Log,
    private readonly ears: LinkEars,
  ) {
    this.socket = new WebSocket(address, subprotocols(token));
    this.socket.binaryType = "arraybuffer";
    this.socket.onmessage = ({ data }) => this.receive(data);
    this.socket.onclose = ({ code }) => this.closed(code);
    this.note("page", "dial", 0, address.split("?")[0] ?? "");
  }

  send(event: UpEvent): void {
    const bytes = encodeEvent(event);
    this.note("up", event.event, bytes.length, JSON.stringify(event.payload));
    this.put(bytes);
  }

  sound(pcm: Int16Array): void {
    const bytes = encodeAudio(pcm);
    this.note("up", SOUND, bytes.length, "");
    this.put(bytes);
  }

  /** Bytes that wait for the network. */
  get waiting(): number {
    return this.socket.bufferedAmount;
  }

  close({ backSoon = false } = {}): void {
    this.deaf = true;
    if (backSoon) this.note("page", "closed", 0, "given up");
    this.socket.close(backSoon ? BACK_SOON : CALL_OVER);
  }

  private put(bytes: Uint8Array<ArrayBuffer>): void {
    if (this.socket.readyState !== WebSocket.OPEN) return;
    this.socket.send(bytes);
    this.given += bytes.byteLength;
  }

  private receive(data: unknown): void {
    if (this.deaf) return;
    const frame = this.read(data);
    if (frame && data instanceof ArrayBuffer) this.noteFrame(frame, data.byteLength);
    this.ears.frame(frame);
  }

  private read(data: unknown): DownFrame | null {
    try {
      if (!(data instanceof ArrayBuffer)) throw new Error("a text message");
      return decode(data);
    } catch (error) {
      this.note("down", "bad frame", 0, String(error));
      return null;
    }
  }

  private noteFrame(frame: DownFrame, bytes: number): void {
    if (frame.kind === "audio") this.note("down", SOUND, bytes, "", frame.turn);
    else if (frame.kind === "unknown")
      this.note("down", "unknown", bytes, JSON.stringify(frame.json), frame.turn);
    else this.note("down", frame.event.event, bytes, JSON.stringify(frame.event.payload), frame.turn);
  }

  private closed(code: number): void {
    if (this.deaf) return;
    this.deaf = true;
    this.note("page", "closed", 0, `code ${code}`);
    this.ears.closed(code);
  }

  private note(
    way: "up" | "down" | "page",
    name: string,
    bytes: number,
    detail: string,
    turn: number | null = null,
  ): void {
    this.log.dispatch({ at: performance.now(), way, name, turn, bytes, detail });
  }
}
