// @vitest-environment happy-dom
import { beforeEach, describe, expect, it, vi } from "vitest";
import type { UpEvent } from "../protocol/events";
import type { DownFrame } from "../protocol/frames";
import { Calls, type Surroundings } from "./calls";
import { DEFAULTS, type Settings } from "./settings";
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
    sound = () => undefined;
    send = (event: UpEvent) => void sent.push(event);
  },
}));
vi.mock("./sound", () => ({
  Sound: class {
    speaker = null;
    mute = () => undefined;
    close = () => undefined;
    listen = async () => undefined;
    openSpeaker = async () => undefined;
  },
}));

function says(event: string, payload: object = {}, turn: number | null = null): void {
  server({ kind: "event", event: { event, payload }, turn } as DownFrame);
}

async function dialled(settings = choices()): Promise<Calls> {
  const persona = () => settings.get().persona ?? "her";
  const usualVoice = async (id: string) => `usual of ${id}`;
  const calls = new Calls({ settings, persona, usualVoice } as unknown as Surroundings);
  await calls.dial({ micless: true });
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
