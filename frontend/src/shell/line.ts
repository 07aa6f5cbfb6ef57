/** The line of one call: dials, loses patience, and dials again when the connection breaks or is dead. */

import { ATTEMPTS, backoffMs, type CallPlace, callUrl, mayCall, withWishes } from "../call/address";
import { after, NOWHERE, resumeWish } from "../call/position";
import type { CallEvent } from "../call/reduce";
import { type CallState, currentTurn, type Failure } from "../call/state";
import type { UpEvent } from "../protocol/events";
import type { DownFrame } from "../protocol/frames";
import { Link } from "./link";
import type { Log } from "./log";
import type { Settings } from "./settings";
import type { Store } from "./store";
import { Vigil } from "./vigil";
import { wishesOf } from "./wishes";

const READY_MS = 10_000;
const LEAST_READY_MS = 1_000;
const RETURN_S = 30;
const CONGESTED_BYTES = 256 * 1024;
/** The longest that what has come of her goodbye may still sound. */
const FAREWELL_MS = 8_000;
const SECOND_MS = 1000;

export interface LineSurroundings {
  settings: Store<Settings, Partial<Settings>>;
  log: Log;
  place(): CallPlace;
  whyRefused(token: string): Promise<Failure>;
}

export class Line {
  private link: Link | null = null;
  private over = false;
  private retry = 0;
  private patience = 0;
  private place = NOWHERE;
  /** When the page stops trying to come back: on its own clock, in ms. */
  private giveUpAt: number | null = null;
  private pulse = 0;
  private readonly vigil = new Vigil(
    () => this.send({ event: "Ping", payload: {} }),
    () => this.impatient(),
  );
  /** Bytes of a backlog that may still wait for the network: they do not count as congestion. */
  private catchingUp = 0;
  private stopListening: () => void = () => undefined;

  constructor(
    private readonly around: LineSurroundings,
    private readonly store: Store<CallState, CallEvent>,
    private readonly receive: (frame: DownFrame) => void,
  ) {}

  dial(): void {
    const { settings, log, place } = this.around;
    const { token, serverUrl } = settings.get();
    try {
      const url = callUrl(place(), window.location, serverUrl);
      if (!mayCall(url, place(), window.location)) {
        this.fail("not-allowed");
        return;
      }
      const address = withWishes(url, wishesOf(settings.get()), this.store.get().sid, resumeWish(this.place));
      this.link = new Link(address, token, log, {
        frame: (frame) => this.took(frame),
        closed: () => void this.closed(),
      });
      clearTimeout(this.patience);
      this.patience = window.setTimeout(() => this.impatient(), this.patienceMs());
    } catch {
      this.fail("server-down"); // an address that no socket can be opened to
    }
  }

  /** The network may be another one: is the line still alive? */
  doubt(): void {
    if (this.store.get().line === "open") this.vigil.doubt();
  }

  /** The network is back: there is no need to wait for the next attempt. */
  redialNow(): void {
    this.doubt();
    if (this.store.get().line !== "lost" || this.link) return;
    clearTimeout(this.retry);
    this.dial();
  }

  /** The server has answered. */
  answered(): void {
    clearTimeout(this.patience);
    this.giveUpAt = null;
    this.catchingUp = 0;
    // Only a server that waits for its client is asked: where it leaves that unanswered, coming back loses nothing.
    this.vigil.begin(this.place.seconds !== null);
    clearInterval(this.pulse);
    this.pulse = window.setInterval(() => this.link && this.vigil.tick(this.link), SECOND_MS);
  }

  send(event: UpEvent): void {
    this.link?.send(event);
  }

  /** Dropped while the network is so slow that it would only arrive late. */
  sound(pcm: Int16Array): void {
    if (!this.link) return;
    const { waiting } = this.link;
    if (waiting <= CONGESTED_BYTES) this.catchingUp = 0;
    if (waiting <= CONGESTED_BYTES + this.catchingUp) this.link.sound(pcm);
  }

  /** What was said before the line was open goes up whole, however much it is. */
  catchUp(backlog: readonly Int16Array[]): void {
    for (const pcm of backlog) this.link?.sound(pcm);
    this.catchingUp = this.link?.waiting ?? 0;
  }

  hangUp(): void {
    this.over = true;
    this.stopListening();
    clearTimeout(this.retry);
    clearTimeout(this.patience);
    clearInterval(this.pulse);
    this.link?.close();
    this.link = null;
  }

  /** The line opened but nobody answered, or answers any more. */
  private impatient(): void {
    this.link?.close({ backSoon: true });
    void this.closed();
  }

  private took(frame: DownFrame | null): void {
    this.place = after(this.place, frame);
    this.vigil.heard(frame);
    if (frame) this.receive(frame);
  }

  private get leftMs(): number {
    return (this.giveUpAt ?? Number.POSITIVE_INFINITY) - performance.now();
  }

  private patienceMs(): number {
    return Math.max(LEAST_READY_MS, Math.min(READY_MS, this.leftMs));
  }

  /** The connection is gone: why, and does it come back? */
  private async closed(): Promise<void> {
    const { begun, attempt, failure } = this.store.get();
    this.link = null;
    clearTimeout(this.patience);
    clearInterval(this.pulse);
    if (failure === "spent") return this.hearOut(failure);
    if (failure) return this.fail(failure);
    if (begun && attempt < ATTEMPTS && this.leftMs > 0) return this.lose(attempt + 1);
    const why = begun ? "network-lost" : await this.around.whyRefused(this.around.settings.get().token);
    if (!this.over) this.fail(navigator.onLine ? why : "network-lost");
  }

  private lose(attempt: number): void {
    this.giveUpAt ??= performance.now() + (this.place.seconds ?? RETURN_S) * 1000;
    this.store.dispatch({ type: "lost", attempt });
    clearTimeout(this.retry);
    const waitMs = Math.min(backoffMs(attempt, Math.random()), Math.max(0, this.leftMs));
    this.retry = window.setTimeout(() => this.dial(), waitMs);
  }

  /** She has said goodbye: what has come of it is heard before the call ends. */
  private hearOut(failure: Failure): void {
    const sounds = () => currentTurn(this.store.get())?.over === false;
    const end = () => {
      this.stopListening();
      if (!this.over) this.fail(failure);
    };
    const listen = () => {
      if (!sounds()) end();
    };
    this.retry = window.setTimeout(end, FAREWELL_MS);
    this.stopListening = this.store.watch(listen);
    listen();
  }

  private fail(failure: Failure): void {
    this.store.dispatch({ type: "failed", failure, at: Date.now() });
  }
}
