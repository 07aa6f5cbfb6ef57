/**
 * The shell of a call: carries what the person, the microphone, the network and the speaker say into
 * `reduce`, and does what the new state asks for.
 */

import { Backlog } from "../audio/backlog";
import type { PlaybackNews } from "../audio/playback.worklet";
import { ATTEMPTS, backoffMs, type CallPlace, callUrl, WANTED, withWishes } from "../call/address";
import { type CallEvent, reduce } from "../call/reduce";
import {
  type CallState,
  currentTurn,
  dropped,
  type Failure,
  HOME,
  type Notice,
  phaseOf,
  type Said,
  serverBusy,
  turnId,
  wireOf,
} from "../call/state";
import type { CallConfig } from "../protocol/events";
import type { DownFrame } from "../protocol/frames";
import { Link } from "./link";
import type { Log } from "./log";
import { refusal } from "./refusal";
import type { Settings } from "./settings";
import { type Levels, Sound } from "./sound";
import { createStore, type Store } from "./store";

const BACKLOG_MS = 1500;
const POSITION_MS = 200;
const STEP_MS = 50; // of what was played: finer than anyone sees
const NOTICE_MS = 6000;
const READY_MS = 10_000;
const CONGESTED_BYTES = 256 * 1024;

export interface Surroundings {
  settings: Store<Settings, Partial<Settings>>;
  log: Log;
  place(): CallPlace;
  /** The id of the persona on the line. */
  persona(): string;
  whyRefused(token: string): Promise<Failure>;
}

export interface DialOptions {
  sid?: string;
  earlier?: readonly Said[];
  micless?: boolean;
}

export class Calls {
  readonly store: Store<CallState, CallEvent> = createStore(reduce, HOME);
  readonly levels: Levels = { caller: 0, friend: 0, played: null };

  private sound: Sound | null = null;
  private link: Link | null = null;
  /** What was said while the line was not open: the first words of a call. */
  private backlog = new Backlog<Int16Array>(1);
  private waitingText: string | null = null;
  private retry = 0;
  private patience = 0;
  private noticeTimer = 0;
  private positionAt = 0;

  constructor(private readonly around: Surroundings) {
    this.store.watch((now, before) => this.follow(now, before));
    around.settings.watch((now, before) => this.reconfigure(now, before));
    window.addEventListener("online", () => this.redialNow());
    document.addEventListener("visibilitychange", () => this.sound?.wake());
  }

  /** Begin a call; must run inside the press. */
  async dial({ sid, earlier = [], micless = false }: DialOptions = {}): Promise<void> {
    this.release();
    this.store.dispatch({ type: "dialled", sid: sid ?? null, earlier, at: Date.now() });
    if (micless) this.store.dispatch({ type: "micless", micless });
    const settings = this.around.settings.get();
    this.backlog = new Backlog(BACKLOG_MS / settings.frameMs);
    let sound: Sound | null = null;
    try {
      sound = this.sound = new Sound(this.levels, {
        said: (pcm) => this.said(pcm),
        heard: (news) => this.heard(news),
        unplugged: () => void this.changeMicrophone(),
      });
      const listening = micless ? null : sound.listen(settings, this.store.get().muted);
      await Promise.all([sound.openSpeaker(settings), listening]);
      if (this.sound === sound) this.connect();
    } catch (error) {
      if (this.sound === sound) this.fail(refusal(error));
    }
  }

  hangUp(): void {
    this.store.dispatch({ type: "hung up", at: Date.now() });
  }

  leave(): void {
    this.store.dispatch({ type: "left" });
  }

  mute(muted: boolean): void {
    this.store.dispatch({ type: "muted", muted });
  }

  /** Typed words: a reply under way is cut off first, and they go when the server listens again. */
  type(text: string): void {
    const said = text.trim();
    if (said === "" || this.store.get().line !== "open") return;
    this.interrupt();
    this.waitingText = said;
    this.store.dispatch({ type: "typed", text: said, at: Date.now() });
    this.sendWaitingText();
  }

  interrupt(): void {
    if (serverBusy(this.store.get())) this.link?.send({ event: "BotInterrupt", payload: {} });
    this.store.dispatch({ type: "interrupted" });
  }

  /** Tell the person something that will pass. */
  tell(what: Notice): void {
    this.store.dispatch({ type: "notice", what, at: Date.now() });
    this.forgetNoticeLater();
  }

  private connect(): void {
    const { token, serverUrl } = this.around.settings.get();
    try {
      const url = callUrl(this.around.place(), window.location, serverUrl);
      const address = withWishes(url, this.wishes(), this.store.get().sid);
      this.link = new Link(address, token, this.around.log, {
        frame: (frame) => this.receive(frame),
        closed: () => void this.closed(),
      });
      clearTimeout(this.patience);
      this.patience = window.setTimeout(() => this.impatient(), READY_MS);
    } catch {
      this.fail("server-down"); // an address that no socket can be opened to
    }
  }

  private wishes(): CallConfig {
    const { bargeIn, persona } = this.around.settings.get();
    return { ...WANTED, barge_in: bargeIn, ...(persona ? { persona } : {}) };
  }

  /** The line opened but nobody answered. */
  private impatient(): void {
    this.link?.close();
    void this.closed();
  }

  private receive(frame: DownFrame): void {
    if (frame.kind === "unknown") return;
    const id = turnId(this.store.get(), frame.turn);
    if (frame.kind === "audio") {
      if (!dropped(this.store.get(), id)) this.play(id, frame.turn !== null, frame.data);
      return;
    }
    const { event, turn } = frame;
    this.store.dispatch({ type: "server", event, turn, at: Date.now() });
    if (event.event === "BotReady") this.ready();
    if (event.event === "BotError") this.forgetNoticeLater();
    if (event.event !== "TTSDone") return;
    this.sound?.speaker?.end(id);
    this.sendWaitingText();
  }

  private ready(): void {
    clearTimeout(this.patience);
    const speaker = this.around.settings.get().voices[this.around.persona()];
    if (speaker) this.link?.send({ event: "BotUpdateConfig", payload: { speaker } });
    for (const pcm of this.backlog.drain()) this.link?.sound(pcm);
    this.sendWaitingText();
  }

  /** A server that numbers its frames has granted the wishes: raw samples. Others send whole files. */
  private play(turn: number, raw: boolean, data: Uint8Array<ArrayBuffer>): void {
    const speaker = this.sound?.speaker;
    const add = (ms: number | null) => {
      if (ms === null) this.tell("voice-failed");
      else this.store.dispatch({ type: "sound", turn, ms, at: performance.now() });
    };
    if (raw && speaker) add(speaker.pcm(turn, data));
    else void speaker?.file(turn, data).then(add);
  }

  private said(pcm: Int16Array): void {
    const state = this.store.get();
    if (state.line === "open") {
      if (!this.link || this.link.waiting > CONGESTED_BYTES) return;
      const withheld = !this.around.settings.get().bargeIn && phaseOf(state) === "speaking";
      this.link.sound(withheld ? new Int16Array(pcm.length) : pcm);
    } else this.backlog.push(pcm);
  }

  private heard(news: PlaybackNews): void {
    const { sound } = this;
    if (!sound) return;
    for (const { what, turn } of news.happenings) {
      if (what === "started") {
        const outputMs = sound.delayMs;
        this.store.dispatch({ type: "started", turn, at: sound.pageTime(news.at), outputMs });
      } else this.drained(turn, news);
    }
    if (news.turn !== 0) this.played(news.turn, Math.max(0, news.playedMs - sound.delayMs));
  }

  private played(turn: number, ms: number): void {
    const current = currentTurn(this.store.get());
    if (!current || current.id !== turn || current.over || ms - current.playedMs < STEP_MS) return;
    this.store.dispatch({ type: "played", turn, ms });
    if (performance.now() - this.positionAt >= POSITION_MS) this.report(turn, ms);
  }

  private drained(turn: number, news: PlaybackNews): void {
    const last = currentTurn(this.store.get());
    if (news.turn === turn && last?.id === turn && !last.cut) this.report(turn, news.playedMs);
    this.store.dispatch({ type: "drained", turn });
  }

  private report(id: number, ms: number): void {
    this.positionAt = performance.now();
    const turn = wireOf(this.store.get(), id);
    if (turn === null || this.store.get().line !== "open") return;
    this.link?.send({ event: "PlaybackPosition", payload: { turn, played_ms: Math.round(ms) } });
  }

  /** What the state now asks for. */
  private follow(now: CallState, before: CallState): void {
    if (now.cutThrough > before.cutThrough) this.cutOff(before, now.cutThrough);
    if (now.muted !== before.muted) this.sound?.mute(now.muted);
    const over = now.line === "ended" || now.line === "none";
    if (over && now.line !== before.line) this.release();
  }

  private cutOff(before: CallState, through: number): void {
    this.sound?.speaker?.cut(through);
    const turn = currentTurn(before);
    if (turn && turn.heardAt !== null && !turn.over) this.report(turn.id, turn.playedMs);
  }

  private sendWaitingText(): void {
    const state = this.store.get();
    if (this.waitingText === null || state.line !== "open" || serverBusy(state)) return;
    this.link?.send({ event: "UserText", payload: { text: this.waitingText } });
    this.waitingText = null;
  }

  /** The line is gone: why, and does it come back? */
  private async closed(): Promise<void> {
    const { begun, attempt, failure } = this.store.get();
    const { sound } = this;
    this.link = null;
    clearTimeout(this.patience);
    if (failure) return this.fail(failure);
    if (begun && attempt < ATTEMPTS) return this.lose(attempt + 1);
    const why = begun ? "network-lost" : await this.around.whyRefused(this.around.settings.get().token);
    if (sound === this.sound) this.fail(navigator.onLine ? why : "network-lost");
  }

  private lose(attempt: number): void {
    this.store.dispatch({ type: "lost", attempt });
    clearTimeout(this.retry);
    this.retry = window.setTimeout(() => this.connect(), backoffMs(attempt, Math.random()));
  }

  private redialNow(): void {
    if (this.store.get().line !== "lost" || this.link) return;
    clearTimeout(this.retry);
    this.connect();
  }

  private reconfigure(now: Settings, before: Settings): void {
    if (now.volume !== before.volume) this.sound?.speaker?.volume(now.volume);
    if (now.speaker !== before.speaker)
      this.sound?.choose(now.speaker).catch(() => this.tell("speaker-failed"));
    if (now.microphone !== before.microphone && this.sound) void this.changeMicrophone();
    const change: CallConfig = {};
    if (now.bargeIn !== before.bargeIn) change.barge_in = now.bargeIn;
    if (now.persona !== before.persona && now.persona) change.persona = now.persona;
    const voice = now.voices[this.around.persona()];
    if (voice && (now.voices !== before.voices || change.persona)) change.speaker = voice;
    if (Object.keys(change).length > 0) this.link?.send({ event: "BotUpdateConfig", payload: change });
  }

  /** Another one was chosen, or the one in use was unplugged: then any other will do. */
  private async changeMicrophone(): Promise<void> {
    const { sound } = this;
    if (!sound) return;
    try {
      await sound.listen(this.around.settings.get(), this.store.get().muted);
      this.store.dispatch({ type: "micless", micless: false });
      this.tell("microphone-changed");
    } catch {
      sound.deafen();
      this.store.dispatch({ type: "micless", micless: true });
      this.tell("microphone-gone");
    }
  }

  private forgetNoticeLater(): void {
    clearTimeout(this.noticeTimer);
    const clear = () => this.store.dispatch({ type: "notice", what: null, at: Date.now() });
    this.noticeTimer = window.setTimeout(clear, NOTICE_MS);
  }

  private fail(failure: Failure): void {
    this.store.dispatch({ type: "failed", failure, at: Date.now() });
  }

  /** Give back everything that a call holds. */
  private release(): void {
    clearTimeout(this.retry);
    clearTimeout(this.patience);
    this.link?.close();
    this.sound?.close();
    this.link = this.sound = null;
    this.waitingText = null;
  }
}
