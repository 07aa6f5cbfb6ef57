// @vitest-environment happy-dom
import { beforeEach, describe, expect, it, vi } from "vitest";
import type { UpEvent } from "../protocol/events";
import type { DownFrame } from "../protocol/frames";
import { Calls, type Surroundings } from "./calls";
import { DEFAULTS, type Settings } from "./settings";
import type { SoundEars } from "./sound";
import { createRecord, type Store } from "./store";

/** A line that keeps what is sent, and a server that says what a test wants. */
const sent: UpEvent[] = [];
let server: (frame: DownFrame) => void = () => undefined;
vi.mock("./line", () => ({
  Line: class {
    constructor(_around: unknown, _store: unknown, receive: (frame: DownFrame) => void) {
      server = receive;
    }
    dial = () => undefined;
    answered = () => undefined;
    hangUp = () => undefined;
    catchUp = () => undefined;
    sound = () => undefined;
    send = (event: UpEvent) => void sent.push(event);
  },
}));
/** What the sound of the call tells, and the answers to the next wishes for a microphone. */
let ears: SoundEars;
const microphones: Promise<boolean>[] = [];
vi.mock("./sound", () => ({
  Sound: class {
    speaker = null;
    delayMs = 0;
    constructor(_levels: unknown, heard: SoundEars) {
      ears = heard;
    }
    pageTime = (seconds: number) => seconds * 1000;
    mute = () => undefined;
    deafen = () => undefined;
    close = () => undefined;
    listen = () => microphones.shift() ?? Promise.resolve(true);
    openSpeaker = async () => undefined;
  },
}));

function says(event: string, payload: object = {}, turn: number | null = null): void {
  server({ kind: "event", event: { event, payload }, turn } as DownFrame);
}

async function dialled(settings = choices(), micless = true): Promise<Calls> {
  const persona = () => settings.get().persona ?? "her";
  const usualVoice = async (id: string) => `usual of ${id}`;
  const calls = new Calls({ settings, persona, usualVoice } as unknown as Surroundings);
  await calls.dial({ micless });
  return calls;
}

function choices(chosen: Partial<Settings> = {}): Store<Settings, Partial<Settings>> {
  return createRecord({ ...DEFAULTS, ...chosen });
}

/** The voices that were asked for, once what had to be looked up is known. */
async function voices(): Promise<string[]> {
  await new Promise((soon) => setTimeout(soon));
  return sent.flatMap((up) =>
    up.event === "BotUpdateConfig" && up.payload.speaker ? [up.payload.speaker] : [],
  );
}

const RESUME = { turn: 0, frame: 0, seconds: 30, call: "abcdefgh" };

function typed(): string[] {
  return sent.flatMap((up) => (up.event === "UserText" ? [up.payload.text] : []));
}

beforeEach(() => void sent.splice(0));

describe("typed words", () => {
  it("wait for a server that has not picked up yet", async () => {
    const calls = await dialled();
    calls.type("在吗？");
    expect(typed()).toEqual([]);
    says("BotReady", { session: "s1" });
    expect(typed()).toEqual(["在吗？"]);
  });

  it("wait for her to be silent, and none of them is lost", async () => {
    const calls = await dialled();
    says("BotReady", { session: "s1" });
    says("SentenceRecognized", { sentence: "hello" }, 1);
    calls.type("Wait.");
    calls.type("One more thing.");
    expect(typed()).toEqual([]);
    expect(calls.store.get().typed).toBe("Wait. One more thing.");
    says("TTSDone", {}, 1);
    expect(typed()).toEqual(["Wait. One more thing."]);
  });

  /** Typed, sent, and the line is cut before anything came back. */
  async function sentIntoACut() {
    const calls = await dialled();
    says("BotReady", { session: "s1", resume: RESUME });
    calls.type("明天见面好吗");
    calls.store.dispatch({ type: "lost", attempt: 1 });
    calls.store.dispatch({ type: "lost", attempt: 2 });
    expect(calls.store.get()).toMatchObject({ typed: "明天见面好吗", partial: "明天见面好吗" });
    return calls;
  }
  const answer = () => says("BotError", { error: { code: "BadEvent", message: "" } });

  it("go up again after a cut in which they were lost, with what was typed meanwhile", async () => {
    const calls = await sentIntoACut();
    calls.type("我等你");
    says("BotReady", { session: "s1", resume: RESUME });
    expect(typed()).toEqual(["明天见面好吗"]);
    answer();
    expect(typed()).toEqual(["明天见面好吗", "明天见面好吗 我等你"]);
    says("SentenceRecognized", { sentence: "明天见面好吗 我等你" }, 1);
    expect(calls.store.get().turns).toMatchObject([{ heard: "明天见面好吗 我等你", typed: true }]);
  });

  it("go up once where they had arrived before the cut", async () => {
    await sentIntoACut();
    says("BotReady", { session: "s1", resume: RESUME });
    says("SentenceRecognized", { sentence: "明天见面好吗" }, 1);
    says("TTSDone", {}, 1);
    answer();
    expect(typed()).toEqual(["明天见面好吗"]);
  });

  it("go up again at once to a server that does not wait for its clients", async () => {
    await sentIntoACut();
    says("BotReady", { session: "s1" });
    expect(typed()).toEqual(["明天见面好吗", "明天见面好吗"]);
    expect(sent.map(({ event }) => event)).not.toContain("Ping");
  });

  it("are kept through a second cut that comes before it is known what arrived", async () => {
    const calls = await sentIntoACut();
    says("BotReady", { session: "s1", resume: RESUME });
    calls.store.dispatch({ type: "lost", attempt: 1 });
    says("BotReady", { session: "s1", resume: RESUME });
    answer();
    expect(typed()).toEqual(["明天见面好吗", "明天见面好吗"]);
  });

  it("of one call are not said in the next", async () => {
    const calls = await sentIntoACut();
    await calls.dial({ micless: true });
    says("BotReady", { session: "s2", resume: RESUME });
    answer();
    expect(typed()).toEqual(["明天见面好吗"]);
  });
});

describe("how much of her was heard", () => {
  async function speaking() {
    const calls = await dialled();
    says("BotReady", { session: "s1" });
    says("TTSSentenceStart", { sentence: "从前有一座山。" }, 1);
    const news = { turn: 2, bufferedMs: 500, targetMs: 80, underruns: 0, level: 0.1 };
    ears.heard({ ...news, playedMs: 0, happenings: [{ what: "started", turn: 2 }], at: 0 });
    ears.heard({ ...news, playedMs: 100, happenings: [], at: 0.1 });
    ears.heard({ ...news, playedMs: 200, happenings: [], at: 0.2 });
    sent.splice(0);
    return calls;
  }
  const position = { event: "PlaybackPosition", payload: { turn: 1, played_ms: 200 } };

  it("is told before she is told to stop", async () => {
    const calls = await speaking();
    calls.interrupt();
    expect(sent).toEqual([position, { event: "BotInterrupt", payload: {} }]);
  });

  it("is told when the caller hangs up", async () => {
    const calls = await speaking();
    calls.hangUp();
    expect(sent).toEqual([position]);
  });
});

describe("a microphone that was chosen in a call", () => {
  it.each([
    ["refused", () => Promise.reject(new Error("no"))],
    ["given", () => Promise.resolve(true)],
  ])("says nothing to the next call where it is %s late", async (_, answer) => {
    const settings = choices();
    const calls = await dialled(settings, false);
    let late: () => void = () => undefined;
    const answered = new Promise<void>((done) => {
      late = done;
    });
    microphones.push(answered.then(answer));
    settings.dispatch({ microphone: "slow" });
    await calls.dial();
    says("BotReady", { session: "s2" });
    late();
    await new Promise((done) => setTimeout(done));
    expect(calls.store.get()).toMatchObject({ micless: false, notice: null });
  });

  it("that is refused in its own call leaves it without one, which is told", async () => {
    const settings = choices();
    const calls = await dialled(settings, false);
    says("BotReady", { session: "s1" });
    microphones.push(Promise.reject(new Error("no")));
    settings.dispatch({ microphone: "gone" });
    await vi.waitFor(() => expect(calls.store.get()).toMatchObject({ micless: true }));
    expect(calls.store.get().notice?.what).toBe("microphone-gone");
  });
});

describe("a friend without a chosen voice", () => {
  it("speaks with her own, after one with another voice", async () => {
    const settings = choices({ voices: { her: "v1" } });
    await dialled(settings);
    says("BotReady", { session: "s1" });
    settings.dispatch({ persona: "him" });
    expect(await voices()).toEqual(["v1", "usual of him"]);
    settings.dispatch({ persona: "her" });
    expect(await voices()).toEqual(["v1", "usual of him", "v1"]);
  });

  it("speaks with her own also in a call that was kept, and that may know another voice", async () => {
    await dialled(choices({ voices: { her: "v1" }, persona: "him" }));
    says("BotReady", { session: "s1", resume: { turn: 1, frame: 5, seconds: 20, call: "abcdefgh" } });
    expect(await voices()).toEqual(["usual of him"]);
  });

  it("is asked for none in a new call, or where no voice was ever chosen", async () => {
    const settings = choices();
    await dialled(settings);
    says("BotReady", { session: "s1" });
    settings.dispatch({ persona: "him" });
    expect(await voices()).toEqual([]);
    await dialled(choices({ voices: { her: "v1" }, persona: "him" }));
    says("BotReady", { session: "s2" });
    expect(await voices()).toEqual([]);
  });

  it("gets none that became known after the next friend had answered", async () => {
    const settings = choices({ voices: { her: "v1" } });
    await dialled(settings);
    says("BotReady", { session: "s1" });
    settings.dispatch({ persona: "him" });
    settings.dispatch({ persona: "them" });
    expect(await voices()).toEqual(["v1", "usual of them"]);
  });
});
