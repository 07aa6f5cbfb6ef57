/** The line of one call: dials, loses patience, and dials again when the connection breaks. */

import { ATTEMPTS, backoffMs, type CallPlace, callUrl, withWishes } from "../call/address";
import type { CallEvent } from "../call/reduce";
import type { CallState, Failure } from "../call/state";
import type { UpEvent } from "../protocol/events";
import type { DownFrame } from "../protocol/frames";
import { Link } from "./link";
import type { Log } from "./log";
import type { Settings } from "./settings";
import type { Store } from "./store";
import { wishesOf } from "./wishes";

const READY_MS = 10_000;
const CONGESTED_BYTES = 256 * 1024;

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
      const address = withWishes(url, wishesOf(settings.get()), this.store.get().sid);
      this.link = new Link(address, token, log, {
        frame: (frame) => this.receive(frame),
        closed: () => void this.closed(),
      });
      clearTimeout(this.patience);
      this.patience = window.setTimeout(() => this.impatient(), READY_MS);
    } catch {
      this.fail("server-down"); // an address that no socket can be opened to
    }
  }

  /** The network is back: there is no need to wait for the next attempt. */
  redialNow(): void {
    if (this.store.get().line !== "lost" || this.link) return;
    clearTimeout(this.retry);
    this.dial();
  }

  /** The server has answered. */
  answered(): void {
    clearTimeout(this.patience);
  }

  send(event: UpEvent): void {
    this.link?.send(event);
  }

  /** Dropped while the network is so slow that it would only arrive late. */
  sound(pcm: Int16Array): void {
    if (this.link && this.link.waiting <= CONGESTED_BYTES) this.link.sound(pcm);
  }

  hangUp(): void {
    this.over = true;
    clearTimeout(this.retry);
    clearTimeout(this.patience);
    this.link?.close();
    this.link = null;
  }

  /** The line opened but nobody answered. */
  private impatient(): void {
    this.link?.close();
    void this.closed();
  }

  /** The connection is gone: why, and does it come back? */
  private async closed(): Promise<void> {
    const { begun, attempt, failure } = this.store.get();
    this.link = null;
    clearTimeout(this.patience);
    if (failure) return this.fail(failure);
    if (begun && attempt < ATTEMPTS) return this.lose(attempt + 1);
    const why = begun ? "network-lost" : await this.around.whyRefused(this.around.settings.get().token);
    if (!this.over) this.fail(navigator.onLine ? why : "network-lost");
  }

  private lose(attempt: number): void {
    this.store.dispatch({ type: "lost", attempt });
    clearTimeout(this.retry);
    this.retry = window.setTimeout(() => this.dial(), backoffMs(attempt, Math.random()));
  }

  private fail(failure: Failure): void {
    this.store.dispatch({ type: "failed", failure, at: Date.now() });
  }
}
