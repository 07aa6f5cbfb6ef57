/** The sound of one call: its audio context, microphone and speaker, opened and given back together. */

import { type Microphone, openMicrophone } from "../audio/microphone";
import { loudness } from "../audio/pcm";
import type { PlaybackNews } from "../audio/playback.worklet";
import { Speaker } from "../audio/speaker";
import type { Settings } from "./settings";
import { keepAwake } from "./wakelock";

const LAST_FADE_MS = 80;

/** How loud both sides are right now, 0 to 1: read by whatever moves, too quick for the state. */
export interface Levels {
  caller: number;
  friend: number;
  /** What the playback worklet said last. */
  played: PlaybackNews | null;
}

export interface SoundEars {
  said(pcm: Int16Array): void;
  heard(news: PlaybackNews): void;
  /** The microphone was taken away. */
  unplugged(): void;
}

export class Sound {
  speaker: Speaker | null = null;
  private microphone: Microphone | null = null;
  private muted = false;
  private wishes = 0;
  private closed = false;
  private letSleep: () => void = () => undefined;
  private readonly context = new AudioContext({ latencyHint: "interactive" });

  /** Must be made inside a press: only then may a page of iOS make sound. */
  constructor(
    private readonly levels: Levels,
    private readonly ears: SoundEars,
  ) {
    this.wake();
    askForPlayAndRecord();
    navigator.mediaDevices?.addEventListener("devicechange", this.lookForSpeaker);
  }

  /** A speaker that was pulled out gives way to the system's choice: the call must not fall silent. */
  private readonly lookForSpeaker = async (): Promise<void> => {
    const { sinkId } = this.context as AudioContext & { sinkId?: string };
    if (this.closed || !sinkId) return;
    const devices = await navigator.mediaDevices.enumerateDevices();
    const there = devices.some(({ kind, deviceId }) => kind === "audiooutput" && deviceId === sinkId);
    if (!there) await this.choose("").catch(() => undefined);
  };

  async openSpeaker({ volume, speaker: sink }: Settings): Promise<void> {
    const speaker = await Speaker.open(this.context, (news) => this.heard(news));
    if (this.closed) return;
    this.speaker = speaker;
    speaker.volume(volume);
    if (sink) await this.choose(sink).catch(() => undefined);
    if (!this.closed) this.letSleep = keepAwake();
  }

  /**
   * Open the chosen microphone, or any other when that one is not there; replaces an open one.
   * @returns whether it is in use: not where the call is over, or another was chosen, before the person has answered.
   */
  async listen(settings: Settings): Promise<boolean> {
    const wish = ++this.wishes;
    const unwanted = () => this.closed || wish !== this.wishes;
    try {
      const microphone = await this.ask(settings);
      if (unwanted()) microphone.close();
      else this.use(microphone);
    } catch (error) {
      if (!unwanted()) throw error;
    }
    return !unwanted();
  }

  deafen(): void {
    this.microphone?.close();
    this.microphone = null;
    this.levels.caller = 0;
  }

  /** Also the microphone that is still being opened. */
  mute(muted: boolean): void {
    this.muted = muted;
    this.microphone?.mute(muted);
  }

  /** Sound goes to this speaker from now on; the empty name is the system's choice. */
  async choose(deviceId: string): Promise<void> {
    const context = this.context as AudioContext & { setSinkId?(id: string): Promise<void> };
    await context.setSinkId?.(deviceId);
  }

  /** Let a sound that the browser has rested go on. */
  wake(): void {
    if (this.closed || this.context.state === "running") return;
    this.context.resume().catch(() => undefined); // still rung over: the next touch tries again
  }

  /** An instant of the audio clock on the page's: news may wait for a busy page. */
  pageTime(audioSeconds: number): number {
    const agoMs = (this.context.currentTime - audioSeconds) * 1000;
    return performance.now() - Math.max(0, agoMs);
  }

  /** From the playback worklet to the ear, as far as the browser knows. */
  get delayMs(): number {
    const { baseLatency = 0, outputLatency = 0 } = this.context;
    return (baseLatency + outputLatency) * 1000;
  }

  close(): void {
    this.closed = true;
    navigator.mediaDevices?.removeEventListener("devicechange", this.lookForSpeaker);
    this.deafen();
    this.letSleep();
    this.levels.friend = 0;
    window.setTimeout(() => {
      this.speaker?.close();
      void this.context.close();
    }, LAST_FADE_MS);
  }

  private ask({ microphone: deviceId, frameMs }: Settings): Promise<Microphone> {
    const ears = {
      frame: (pcm: Int16Array) => this.ears.said(pcm),
      level: (rms: number) => {
        this.levels.caller = smooth(this.levels.caller, loudness(rms));
      },
      gone: () => this.ears.unplugged(),
    };
    return openMicrophone(this.context, { deviceId, frameMs }, ears);
  }

  private use(microphone: Microphone): void {
    this.microphone?.close();
    this.microphone = microphone;
    microphone.mute(this.muted);
  }

  private heard(news: PlaybackNews): void {
    if (this.closed) return;
    this.levels.friend = smooth(this.levels.friend, loudness(news.level));
    this.levels.played = news;
    this.ears.heard(news);
  }
}

/** Up at once, down gently. */
function smooth(before: number, now: number): number {
  return now > before ? before + (now - before) * 0.6 : before + (now - before) * 0.18;
}

/** Safari sends sound to the ear piece unless told that the page plays while it records. */
function askForPlayAndRecord(): void {
  const session = (navigator as { audioSession?: { type: string } }).audioSession;
  if (session) session.type = "play-and-record";
}
