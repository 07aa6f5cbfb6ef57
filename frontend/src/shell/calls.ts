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
import type { DownFrame } from "../protocol/frames";
import { Line, type LineSurroundings } from "./line";
import { Playout } from "./playout";
import { refusal } from "./refusal";
import type { Settings } from "./settings";
import { type Levels, Sound } from "./sound";
import { createStore, type Store } from "./store";
import { changedWishes, soundOf, speechOf, wishesOf } from "./wishes";

const BACKLOG_MS = 1500;
/** What is said while the line is lost waits to be sent; the server takes up to 30 s at once. */
const LOST_BACKLOG_MS = 10_000;
const NOTICE_MS = 6000;

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
  private waitingText: string | null = null;
  private noticeTimer = 0;

  constructor(private readonly around: Surroundings) {
    this.store.watch((now, before) => this.follow(now, before));
    around.settings.watch((now, before) => this.reconfigure(now, before));
    window.addEventListener("online", () => this.line?.redialNow());
    // Browsers rest the sound of pages that were put away or rung over: the way back, or a touch, wakes it.
    for (const what of ["visibilitychange", "pointerdown"])
      document.addEventListener(what, () => this.sound?.wake());
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
    const said = [this.waitingText, words].filter(Boolean).join(" ");
    this.waitingText = said;
    this.store.dispatch({ type: "typed", text: said, at: Date.now() });
    this.sendWaitingText();
  }

  /** Also once the server is done, while the reply still sounds: then it remembers only what was heard. */
  interrupt(): void {
    const state = this.store.get();
    if (serverBusy(state) || phaseOf(state) === "speaking")
      this.line?.send({ event: "BotInterrupt", payload: {} });
    this.store.dispatch({ type: "interrupted" });
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
    if (event.event === "BotReady") this.ready(isResumed(event.payload.resume));
    if (this.store.get().notice) this.forgetNoticeLater();
    if (event.event !== "TTSDone") return;
    this.sound?.speaker?.end(id);
    this.sendWaitingText();
  }

  private ready(resumed: boolean): void {
    this.line?.answered();
    const settings = this.around.settings.get();
    const persona = this.around.persona();
    // A call that was kept still has what was asked for before, which may have been taken back meanwhile.
    const anew = resumed ? { ...wishesOf(settings), ...speechOf(settings, persona) } : {};
    const payload = { ...anew, ...soundOf(settings, persona) };
    if (Object.keys(payload).length > 0) this.line?.send({ event: "BotUpdateConfig", payload });
    if (resumed) void this.giveUsualVoice();
    this.hushIfCut();
    for (const pcm of this.backlog.drain()) this.line?.sound(pcm);
    this.sendWaitingText();
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
    if (this.waitingText === null || state.line !== "open" || serverBusy(state)) return;
    this.line?.send({ event: "UserText", payload: { text: this.waitingText } });
    this.waitingText = null;
  }

  /** What the state now asks for. */
  private follow(now: CallState, before: CallState): void {
    if (now.cutThrough > before.cutThrough) {
      this.sound?.speaker?.cut(now.cutThrough);
      this.playout.cut(before);
    }
    if (now.muted !== before.muted) this.sound?.mute(now.muted);
    if (now.line === "lost" && before.line !== "lost")
      this.backlog = new Backlog(LOST_BACKLOG_MS / this.around.settings.get().frameMs);
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
    try {
      await this.sound?.choose(id);
    } catch {
      this.tell("speaker-failed");
      if (id) this.around.settings.dispatch({ speaker: "" }); // shown is what is heard
    }
  }

  /** Another one was chosen, or the one in use was unplugged: then any other will do. */
  private async changeMicrophone(): Promise<void> {
    const { sound } = this;
    if (!sound) return;
    try {
      await sound.listen(this.around.settings.get());
      this.store.dispatch({ type: "micless", micless: false });
      this.tell("microphone-changed");
    } catch {
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
    this.waitingText = null;
  }
}
