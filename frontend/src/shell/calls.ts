/**
 * The shell of a call: carries what the person, the microphone, the network and the speaker say into
 * `reduce`, and does what the new state asks for.
 */

import { Backlog } from "../audio/backlog";
import { openMicrophone, type Microphone } from "../audio/microphone";
import { loudness } from "../audio/pcm";
import type { PlaybackNews } from "../audio/playback.worklet";
import { Speaker } from "../audio/speaker";
import { ATTEMPTS, backoffMs, type CallPlace, callUrl, WANTED, withWishes } from "../call/address";
import { type CallEvent, reduce } from "../call/reduce";
import {
  type CallState,
  currentTurn,
  dropped,
  type Failure,
  HOME,
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
import { createStore, type Store } from "./store";
import { keepAwake } from "./wakelock";

const BACKLOG_MS = 1500;
const POSITION_MS = 200;
const NOTICE_MS = 6000;
const READY_MS = 10_000;
const CONGESTED_BYTES = 256 * 1024;

/** How loud both sides are right now, 0 to 1: read by whatever moves, too quick for the state. */
export interface Levels {
  caller: number;
  friend: number;
  /** The loudness of each 20 ms of the voice as played, as RMS: for tests. */
  played: PlaybackNews | null;
}

export interface Surroundings {
  settings: Store<Settings, Partial<Settings>>;
  log: Log;
  place(): CallPlace;
  /** The id of the persona on the line. */
  persona(): string;
  whyRefused(token: string): Promise<Failure>;
}

export class Calls {
  readonly store: Store<CallState, CallEvent> = createStore(reduce, HOME);
  readonly levels: Levels = { caller: 0, friend: 0, played: null };

  private context: AudioContext | null = null;
  private microphone: Microphone | null = null;
  private speaker: Speaker | null = null;
  private link: Link | null = null;
  private number = 0; // of the call: what an earlier call's promises bring is dropped
  private backlog = new Backlog<Int16Array>(1);
  private waitingText: string | null = null;
  private retry = 0;
  private patience = 0;
  private noticeTimer = 0;
  private lastPositionAt = 0;
  private letSleep: () => void = () => undefined;

  constructor(private readonly around: Surroundings) {
    this.store.watch((now, before) => this.follow(now, before));
    around.settings.watch((now, before) => this.reconfigure(now, before));
    window.addEventListener("online", () => this.redialNow());
    document.addEventListener("visibilitychange", () => void this.context?.resume());
  }

  /** Begin a call; must run inside the press, so that iOS lets the page make sound. */
  async dial(options: { sid?: string; earlier?: readonly Said[]; micless?: boolean } = {}): Promise<void> {
    this.release();
    const number = ++this.number;
    const at = Date.now();
    this.store.dispatch({ type: "dialled", sid: options.sid ?? null, earlier: options.earlier ?? [], at });
    if (options.micless) this.store.dispatch({ type: "micless" });
    const { frameMs } = this.around.settings.get();
    this.backlog = new Backlog(BACKLOG_MS / frameMs);
    try {
      await Promise.all([this.openSound(number), options.micless ? null : this.listen(number)]);
    } catch (error) {
      if (number === this.number) this.fail(refusal(error));
      return;
    }
    if (number === this.number) this.connect();
  }

  hangUp(): void {
    if (this.store.get().line === "ended") return;
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
    this.waitingText = said;
    if (serverBusy(this.store.get())) this.interrupt();
    else this.store.dispatch({ type: "interrupted" });
    this.store.dispatch({ type: "typed", text: said, at: Date.now() });
    this.sendWaitingText();
  }

  interrupt(): void {
    if (serverBusy(this.store.get())) this.link?.send({ event: "BotInterrupt", payload: {} });
    this.store.dispatch({ type: "interrupted" });
  }

  notice(what: Parameters<Calls["tell"]>[0]): void {
    this.tell(what);
  }

  /** For the settings sheet: labels of devices are only known once a microphone was allowed. */
  get running(): boolean {
    return this.context !== null;
  }

  private async openSound(number: number): Promise<void> {
    const context = new AudioContext({ latencyHint: "interactive" });
    this.context = context;
    void context.resume();
    askForPlayAndRecord();
    const speaker = await Speaker.open(context, (news) => this.heard(news));
    if (number !== this.number) return void context.close();
    this.speaker = speaker;
    const { volume, speaker: sink } = this.around.settings.get();
    speaker.volume(volume);
    await this.chooseSink(sink);
    this.letSleep = keepAwake();
  }

  private async listen(number: number): Promise<void> {
    const context = this.context;
    if (!context) return;
    const { microphone: deviceId, frameMs } = this.around.settings.get();
    const ears = {
      frame: (pcm: Int16Array) => this.said(pcm),
      level: (rms: number) => this.level(rms),
      gone: () => void this.changeMicrophone("microphone-gone"),
    };
    const microphone = await openMicrophone(context, { deviceId, frameMs }, ears).catch((error: unknown) => {
      if (!deviceId) throw error; // the chosen one is not there: any other will do
      return openMicrophone(context, { deviceId: "", frameMs }, ears);
    });
    if (number !== this.number || context !== this.context) return microphone.close();
    this.microphone?.close();
    this.microphone = microphone;
    microphone.mute(this.store.get().muted);
  }

  private connect(): void {
    const state = this.store.get();
    const { token, serverUrl } = this.around.settings.get();
    let address: string;
    try {
      const url = callUrl(this.around.place(), window.location, serverUrl);
      address = withWishes(url, this.wishes(), state.sid);
      this.link = new Link(address, token, this.around.log, {
        frame: (frame) => this.receive(frame),
        closed: (code) => void this.closed(code),
      });
    } catch {
      return this.fail("server-down");
    }
    clearTimeout(this.patience);
    this.patience = window.setTimeout(() => this.impatient(), READY_MS);
  }

  private wishes(): CallConfig {
    const { bargeIn, persona } = this.around.settings.get();
    return { ...WANTED, barge_in: bargeIn, ...(persona ? { persona } : {}) };
  }

  /** The line opened but nobody answered. */
  private impatient(): void {
    const { line } = this.store.get();
    if (line !== "dialling" && line !== "lost") return;
    this.link?.close();
    void this.closed(0);
  }

  private receive(frame: DownFrame): void {
    if (frame.kind === "audio") return this.receiveSound(frame.turn, frame.data);
    if (frame.kind === "unknown") return;
    const before = this.store.get();
    const { event, turn } = frame;
    const id = turnId(before, turn);
    this.store.dispatch({ type: "server", event, turn, at: Date.now() });
    if (event.event === "BotReady") this.ready();
    if (event.event === "TTSDone") {
      this.speaker?.end(id);
      this.sendWaitingText();
    }
    if (event.event === "BotError") this.noticeLater();
  }

  private ready(): void {
    clearTimeout(this.patience);
    const speaker = this.around.settings.get().voices[this.around.persona()];
    if (speaker) this.link?.send({ event: "BotUpdateConfig", payload: { speaker } });
    for (const pcm of this.backlog.drain()) this.link?.sound(pcm);
    this.sendWaitingText();
  }

  /** A server that numbers its frames has granted the wishes: raw samples. Others send whole files. */
  private receiveSound(turn: number | null, data: Uint8Array<ArrayBuffer>): void {
    const id = turnId(this.store.get(), turn);
    if (dropped(this.store.get(), id) || !this.speaker) return;
    const add = (ms: number | null) => {
      if (ms === null) this.tell("voice-failed");
      else this.store.dispatch({ type: "sound", turn: id, ms, at: performance.now() });
    };
    if (turn !== null) add(this.speaker.pcm(id, data));
    else void this.speaker.file(id, data).then(add);
  }

  private said(pcm: Int16Array): void {
    const state = this.store.get();
    if (state.line !== "open") return this.backlog.push(pcm);
    if (!this.link || this.link.waiting > CONGESTED_BYTES) return;
    const withheld = !this.around.settings.get().bargeIn && phaseOf(state) === "speaking";
    this.link.sound(withheld ? new Int16Array(pcm.length) : pcm);
  }

  private level(rms: number): void {
    this.levels.caller = smooth(this.levels.caller, loudness(rms));
  }

  private heard(news: PlaybackNews): void {
    this.levels.friend = smooth(this.levels.friend, loudness(news.level));
    this.levels.played = news;
    const delay = this.outputDelayMs();
    for (const { what, turn } of news.happenings) {
      if (what === "started") this.store.dispatch({ type: "started", turn, at: performance.now() + delay });
      else this.drained(turn, news);
    }
    if (news.turn !== 0) this.played(news.turn, Math.max(0, news.playedMs - delay));
  }

  private played(turn: number, ms: number): void {
    const current = currentTurn(this.store.get());
    if (!current || current.id !== turn || current.over || current.playedMs === ms) return;
    this.store.dispatch({ type: "played", turn, ms });
    const now = performance.now();
    if (now - this.lastPositionAt < POSITION_MS) return;
    this.lastPositionAt = now;
    this.report(turn, ms);
  }

  private drained(turn: number, news: PlaybackNews): void {
    const last = currentTurn(this.store.get());
    if (news.turn === turn && last?.id === turn && !last.cut) this.report(turn, news.playedMs);
    this.store.dispatch({ type: "drained", turn });
  }

  private report(id: number, ms: number): void {
    const turn = wireOf(this.store.get(), id);
    if (turn === null || turn === 0 || this.store.get().line !== "open") return;
    this.link?.send({ event: "PlaybackPosition", payload: { turn, played_ms: Math.round(ms) } });
  }

  private outputDelayMs(): number {
    const { baseLatency = 0, outputLatency = 0 } = this.context ?? {};
    return (baseLatency + outputLatency) * 1000;
  }

  /** What the state now asks for. */
  private follow(now: CallState, before: CallState): void {
    if (now.cutThrough > before.cutThrough) this.cutOff(before, now.cutThrough);
    if (now.muted !== before.muted) this.microphone?.mute(now.muted);
    if (now.line === before.line) return;
    if (now.line === "ended" || now.line === "none") this.release();
  }

  private cutOff(before: CallState, through: number): void {
    this.speaker?.cut(through);
    const turn = currentTurn(before);
    if (turn && turn.heardAt !== null && !turn.over) this.report(turn.id, turn.playedMs);
  }

  private sendWaitingText(): void {
    if (this.waitingText === null || serverBusy(this.store.get())) return;
    this.link?.send({ event: "UserText", payload: { text: this.waitingText } });
    this.waitingText = null;
  }

  private async closed(code: number): Promise<void> {
    const state = this.store.get();
    const number = this.number;
    this.link = null;
    clearTimeout(this.patience);
    if (state.failure) return this.fail(state.failure);
    if (state.begun && state.attempt < ATTEMPTS) return this.lose(state.attempt + 1);
    if (state.begun) return this.fail("network-lost");
    const why = code === 0 ? "server-down" : await this.around.whyRefused(this.around.settings.get().token);
    if (number === this.number) this.fail(navigator.onLine ? why : "network-lost");
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
    if (now.volume !== before.volume) this.speaker?.volume(now.volume);
    if (now.speaker !== before.speaker) void this.chooseSink(now.speaker);
    if (now.microphone !== before.microphone && this.microphone) void this.changeMicrophone(null);
    const change: CallConfig = {};
    if (now.bargeIn !== before.bargeIn) change.barge_in = now.bargeIn;
    if (now.persona !== before.persona && now.persona) change.persona = now.persona;
    const voice = now.voices[this.around.persona()];
    if (voice && (now.voices !== before.voices || change.persona)) change.speaker = voice;
    if (Object.keys(change).length > 0) this.link?.send({ event: "BotUpdateConfig", payload: change });
  }

  private async changeMicrophone(why: "microphone-gone" | null): Promise<void> {
    if (why && !this.microphone) return;
    try {
      await this.listen(this.number);
      this.tell("microphone-changed");
    } catch {
      this.microphone?.close();
      this.microphone = null;
      this.store.dispatch({ type: "micless" });
      this.tell("microphone-gone");
    }
  }

  private async chooseSink(deviceId: string): Promise<void> {
    const context = this.context as (AudioContext & { setSinkId?(id: string): Promise<void> }) | null;
    if (!context?.setSinkId || (deviceId === "" && !("sinkId" in context))) return;
    await context.setSinkId(deviceId).catch(() => this.tell("speaker-failed"));
  }

  private tell(what: NonNullable<CallState["notice"]>["what"]): void {
    this.store.dispatch({ type: "notice", what, at: Date.now() });
    this.noticeLater();
  }

  private noticeLater(): void {
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
    this.microphone?.close();
    this.letSleep();
    const { context, speaker } = this;
    // The last fade is still to be heard.
    if (context) window.setTimeout(() => (speaker?.close(), void context.close()), 80);
    Object.assign(this.levels, { caller: 0, friend: 0 });
    this.link = this.microphone = this.speaker = this.context = null;
    this.waitingText = null;
    this.letSleep = () => undefined;
  }
}

/** Up at once, down gently. */
function smooth(before: number, now: number): number {
  return now > before ? before + (now - before) * 0.6 : before + (now - before) * 0.18;
}

/** Safari routes sound to the ear piece unless told that a page plays while it records. */
function askForPlayAndRecord(): void {
  const session = (navigator as { audioSession?: { type: string } }).audioSession;
  if (session) session.type = "play-and-record";
}
