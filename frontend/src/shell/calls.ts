/**
 * The shell of a call: carries what the person, the microphone, the network and the speaker say into
 * `reduce`, and does what the new state asks for.
 */

import { Backlog } from "../audio/backlog";
import { type CallEvent, isResumed, reduce } from "../call/reduce";
import {
  type CallState,
  currentTurn,
  dropped,
  HOME,
  type Notice,
  onLine,
  phaseOf,
  type Said,
  serverBusy,
  turnId,
} from "../call/state";
import type { Resume } from "../protocol/events";
import type { DownFrame } from "../protocol/frames";
import { Line, type LineSurroundings } from "./line";
import { Playout } from "./playout";
import { refusal } from "./refusal";
import type { Settings } from "./settings";
import { type Levels, Sound } from "./sound";
import { createStore, type Store } from "./store";
import { TypedWords } from "./typed";
import { changedWishes, soundOf, speechOf, wishesOf } from "./wishes";

const BACKLOG_MS = 1500;
/** What is said while the line is lost waits to be sent; the server takes up to 30 s at once. */
const LOST_BACKLOG_MS = 10_000;
const NOTICE_MS = 6000;
/** For the answer behind which nothing of what was missed comes any more. */
const FENCE_MS = 5000;

export interface Surroundings extends LineSurroundings {
  /** The id of the persona on the line. */
  persona(): string;
  /** The voice that a persona has unless the caller chose another; null where that cannot be learnt. */
  usualVoice(persona: string): Promise<string | null>;
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
  private line: Line | null = null;
  private readonly playout = new Playout(this.store, (turn, played_ms) =>
    this.line?.send({ event: "PlaybackPosition", payload: { turn, played_ms } }),
  );
  /** What was said while the line was not open: the first words of a call. */
  private backlog = new Backlog<Int16Array>(1);
  private words = new TypedWords();
  /** Runs while it is not known yet whether typed words had arrived before a cut. */
  private fence = 0;
  private noticeTimer = 0;

  constructor(private readonly around: Surroundings) {
    this.store.watch((now, before) => this.follow(now, before));
    around.settings.watch((now, before) => this.reconfigure(now, before));
    window.addEventListener("online", () => this.line?.redialNow());
    const { connection } = navigator as Navigator & { connection?: EventTarget };
    connection?.addEventListener("change", () => this.line?.doubt());
    // Browsers rest the sound of pages that were put away or rung over: the way back, or a touch, wakes it.
    for (const what of ["visibilitychange", "pointerdown"])
      document.addEventListener(what, () => this.sound?.wake());
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") this.line?.doubt(); // it may have died in the sleep
    });
  }

  /** Begin a call; must run inside the press. */
  async dial({ sid, earlier = [], micless = false }: DialOptions = {}): Promise<void> {
    this.release();
    this.store.dispatch({ type: "dialled", sid: sid ?? null, earlier, typing: micless, at: Date.now() });
    if (micless) this.store.dispatch({ type: "micless", micless });
    const settings = this.around.settings.get();
    this.backlog = new Backlog(BACKLOG_MS / settings.frameMs);
    let sound: Sound | null = null;
    try {
      sound = this.sound = this.openSound();
      sound.mute(this.store.get().muted);
      const listening = micless ? null : sound.listen(settings);
      await Promise.all([sound.openSpeaker(settings), listening]);
      if (this.sound === sound) this.connect();
    } catch (error) {
      if (this.sound === sound)
        this.store.dispatch({ type: "failed", failure: refusal(error), at: Date.now() });
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

  /** Typed words: a reply under way is cut off first, and they go when the server is there and listens again. */
  type(text: string): void {
    const words = text.trim();
    if (words === "" || !onLine(this.store.get())) return;
    this.interrupt();
    this.store.dispatch({ type: "typed", text: this.words.add(words), at: Date.now() });
    this.sendWaitingText();
  }

  /** Also once the server is done, while the reply still sounds: then it remembers only what was heard. */
  interrupt(): void {
    const state = this.store.get();
    // First, for this tells how far she was heard, which counts for nothing once she was told to stop.
    this.store.dispatch({ type: "interrupted" });
    if (serverBusy(state) || phaseOf(state) === "speaking")
      this.line?.send({ event: "BotInterrupt", payload: {} });
  }

  private openSound(): Sound {
    return new Sound(this.levels, {
      said: (pcm) => this.said(pcm),
      heard: (news) => this.sound && this.playout.heard(news, this.sound),
      unplugged: () => void this.changeMicrophone(),
    });
  }

  private connect(): void {
    this.line = new Line(this.around, this.store, (frame) => this.receive(frame));
    this.line.dial();
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
    if (event.event === "BotReady") this.ready(event.payload.resume);
    if (event.event === "SentenceRecognized") this.words.recognised(event.payload.sentence);
    if (event.event === "BotError" && event.payload.error.code === "BadEvent" && this.fence) this.sendAgain();
    if (this.store.get().notice) this.forgetNoticeLater();
    if (event.event !== "TTSDone") return;
    this.sound?.speaker?.end(id);
    this.sendWaitingText();
  }

  private ready(resume: Resume | undefined): void {
    this.line?.answered();
    const settings = this.around.settings.get();
    const persona = this.around.persona();
    // A call that was kept still has what was asked for before, which may have been taken back meanwhile.
    const resumed = isResumed(resume);
    const anew = resumed ? { ...wishesOf(settings), ...speechOf(settings, persona) } : {};
    const payload = { ...anew, ...soundOf(settings, persona) };
    if (Object.keys(payload).length > 0) this.line?.send({ event: "BotUpdateConfig", payload });
    if (resumed) void this.giveUsualVoice();
    this.hushIfCut();
    this.line?.catchUp(this.backlog.drain());
    if (resume && this.words.unsure) this.askWhatArrived();
    else this.sendAgain();
  }

  /** The answer comes after all that was missed: typed words that are not recognised by then never arrived. */
  private askWhatArrived(): void {
    this.line?.send({ event: "Ping", payload: {} });
    this.fence = window.setTimeout(() => this.sendAgain(), FENCE_MS);
  }

  private sendAgain(): void {
    this.openFence();
    const all = this.words.again();
    if (all !== null) this.store.dispatch({ type: "typed", text: all, at: Date.now() });
    this.sendWaitingText();
  }

  private openFence(): void {
    clearTimeout(this.fence);
    this.fence = 0;
  }

  /** She was interrupted while the line was lost: the server has yet to hear of it. */
  private hushIfCut(): void {
    const state = this.store.get();
    const cut = serverBusy(state) && currentTurn(state)?.cut === true;
    if (cut) this.line?.send({ event: "BotInterrupt", payload: {} });
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
      const withheld = !this.around.settings.get().bargeIn && phaseOf(state) === "speaking";
      this.line?.sound(withheld ? new Int16Array(pcm.length) : pcm);
    } else this.backlog.push(pcm);
  }

  private sendWaitingText(): void {
    const state = this.store.get();
    if (this.fence || state.line !== "open" || serverBusy(state)) return;
    const text = this.words.take();
    if (text !== null) this.line?.send({ event: "UserText", payload: { text } });
  }

  /** What the state now asks for. */
  private follow(now: CallState, before: CallState): void {
    if (now.cutThrough > before.cutThrough) {
      this.sound?.speaker?.cut(now.cutThrough);
      this.playout.cut(before);
    }
    if (now.muted !== before.muted) this.sound?.mute(now.muted);
    if (now.line === "lost" && before.line !== "lost") {
      this.openFence();
      this.backlog = new Backlog(LOST_BACKLOG_MS / this.around.settings.get().frameMs);
    }
    const over = now.line === "ended" || now.line === "none";
    if (over && now.line !== before.line) this.release();
  }

  private reconfigure(now: Settings, before: Settings): void {
    if (now.volume !== before.volume) this.sound?.speaker?.volume(now.volume);
    if (now.speaker !== before.speaker) void this.changeSpeaker(now.speaker);
    if (now.microphone !== before.microphone && this.sound) void this.changeMicrophone();
    const change = changedWishes(now, before, this.around.persona());
    if (change) this.line?.send({ event: "BotUpdateConfig", payload: change });
    if (now.persona !== before.persona) void this.giveUsualVoice();
  }

  /** Whoever answers now must not keep the voice that was chosen for another: the server would. */
  private async giveUsualVoice(): Promise<void> {
    const { line } = this;
    const { settings, persona, usualVoice } = this.around;
    const id = persona();
    const chosen = () => settings.get().voices[id];
    if (!line || chosen() || Object.keys(settings.get().voices).length === 0) return;
    const speaker = await usualVoice(id);
    const stillHers = line === this.line && id === persona() && !chosen();
    if (speaker && stillHers) line.send({ event: "BotUpdateConfig", payload: { speaker } });
  }

  private async changeSpeaker(id: string): Promise<void> {
    const { sound } = this;
    try {
      await sound?.choose(id);
    } catch {
      if (this.sound !== sound) return;
      this.tell("speaker-failed");
      if (id) this.around.settings.dispatch({ speaker: "" }); // shown is what is heard
    }
  }

  /** Another one was chosen, or the one in use was unplugged: then any other will do. */
  private async changeMicrophone(): Promise<void> {
    const { sound } = this;
    if (!sound) return;
    try {
      const inUse = await sound.listen(this.around.settings.get());
      if (!inUse || this.sound !== sound) return;
      this.store.dispatch({ type: "micless", micless: false });
      this.tell("microphone-changed");
    } catch {
      if (this.sound !== sound) return;
      sound.deafen();
      this.store.dispatch({ type: "micless", micless: true });
      this.tell("microphone-gone");
    }
  }

  /** Tell the person something that will pass. */
  private tell(what: Notice): void {
    this.store.dispatch({ type: "notice", what, at: Date.now() });
    this.forgetNoticeLater();
  }

  private forgetNoticeLater(): void {
    clearTimeout(this.noticeTimer);
    const clear = () => this.store.dispatch({ type: "notice", what: null, at: Date.now() });
    this.noticeTimer = window.setTimeout(clear, NOTICE_MS);
  }

  /** Give back everything that a call holds. */
  private release(): void {
    this.line?.hangUp();
    this.sound?.close();
    this.line = this.sound = null;
    this.words = new TypedWords();
    this.openFence();
  }
}
