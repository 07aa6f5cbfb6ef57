// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Microphone } from "../audio/microphone";
import { record } from "./recorder";
import { DEFAULTS } from "./settings";
import { Sound } from "./sound";

/** Microphones that are given or refused when the person has answered, in any order. */
const asked: ((microphone: Microphone) => void)[] = [];
const refuse: (() => void)[] = [];
vi.mock("../audio/microphone", () => ({
  openMicrophone: () =>
    new Promise<Microphone>((given, refused) => {
      asked.push(given);
      refuse.push(() => refused(new Error("no")));
    }),
}));
vi.mock("../audio/speaker", () => ({
  Speaker: { open: async () => ({ volume: () => undefined, close: () => undefined }) },
}));
const keepAwake = vi.hoisted(() => vi.fn(() => () => undefined));
vi.mock("./wakelock", () => ({ keepAwake }));
/** The answers to the wishes for a speaker. */
const chosen: (() => void)[] = [];

function microphone(label: string) {
  return { label, mute: vi.fn(), close: vi.fn() };
}

const EARS = { said: () => undefined, heard: () => undefined, unplugged: () => undefined };

function opened(): Sound {
  return new Sound({ caller: 0, friend: 0, played: null }, EARS);
}

beforeEach(() => {
  asked.length = refuse.length = chosen.length = 0;
  keepAwake.mockClear();
  vi.stubGlobal(
    "AudioContext",
    class {
      state = "running";
      close = async () => undefined;
      setSinkId = () => new Promise<void>((done) => chosen.push(done));
    },
  );
});
afterEach(() => vi.unstubAllGlobals());

describe("the microphone of a call", () => {
  it("is muted where the person muted it while it was being opened", async () => {
    const sound = opened();
    const listening = sound.listen(DEFAULTS);
    sound.mute(true);
    const given = microphone("desk");
    asked[0]?.(given);
    await listening;
    expect(given.mute).toHaveBeenLastCalledWith(true);
  });

  it("is the one that was chosen last, whichever is given first", async () => {
    const sound = opened();
    const both = [sound.listen(DEFAULTS), sound.listen({ ...DEFAULTS, microphone: "headset" })];
    const [desk, headset] = [microphone("desk"), microphone("headset")];
    asked[1]?.(headset);
    asked[0]?.(desk);
    await Promise.all(both);
    sound.mute(true);
    expect(desk.close).toHaveBeenCalledOnce();
    expect(headset.close).not.toHaveBeenCalled();
    expect(headset.mute).toHaveBeenLastCalledWith(true);
  });

  it("is not the one that was refused after another had been chosen", async () => {
    const sound = opened();
    const both = [sound.listen(DEFAULTS), sound.listen({ ...DEFAULTS, microphone: "headset" })];
    const headset = microphone("headset");
    asked[1]?.(headset);
    refuse[0]?.();
    expect(await Promise.all(both)).toEqual([false, true]);
    expect(headset.close).not.toHaveBeenCalled();
  });

  it("is given back where the call was over before it was allowed", async () => {
    const sound = opened();
    const listening = sound.listen(DEFAULTS);
    sound.close();
    const given = microphone("desk");
    asked[0]?.(given);
    await listening;
    expect(given.close).toHaveBeenCalledOnce();
  });
});

describe("the screen", () => {
  const settings = { ...DEFAULTS, speaker: "desk" };

  it("is kept awake by a call", async () => {
    const opening = opened().openSpeaker(settings);
    await vi.waitFor(() => expect(chosen).toHaveLength(1));
    chosen[0]?.();
    await opening;
    expect(keepAwake).toHaveBeenCalledOnce();
  });

  it("is left alone where the call was over before its speaker was chosen", async () => {
    const sound = opened();
    const opening = sound.openSpeaker(settings);
    await vi.waitFor(() => expect(chosen).toHaveLength(1));
    sound.close();
    chosen[0]?.();
    await opening;
    expect(keepAwake).not.toHaveBeenCalled();
  });
});

it("the microphone of a recording is given back where the person has left meanwhile", async () => {
  const left = new AbortController();
  const recording = record("", () => undefined, left.signal);
  left.abort();
  const given = microphone("desk");
  asked[0]?.(given);
  await expect(recording).rejects.toThrow();
  expect(given.close).toHaveBeenCalledOnce();
});
