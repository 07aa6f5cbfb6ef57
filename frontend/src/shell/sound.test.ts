// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Microphone } from "../audio/microphone";
import { record } from "./recorder";
import { DEFAULTS } from "./settings";
import { Sound } from "./sound";

/** Microphones that are given when the person has answered, in any order. */
const asked: ((microphone: Microphone) => void)[] = [];
vi.mock("../audio/microphone", () => ({
  openMicrophone: () => new Promise<Microphone>((given) => asked.push(given)),
}));

function microphone(label: string) {
  return { label, mute: vi.fn(), close: vi.fn() };
}

const EARS = { said: () => undefined, heard: () => undefined, unplugged: () => undefined };

function opened(): Sound {
  return new Sound({ caller: 0, friend: 0, played: null }, EARS);
}

beforeEach(() => {
  asked.length = 0;
  vi.stubGlobal(
    "AudioContext",
    class {
      state = "running";
      close = async () => undefined;
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

it("the microphone of a recording is given back where the person has left meanwhile", async () => {
  const left = new AbortController();
  const recording = record("", () => undefined, left.signal);
  left.abort();
  const given = microphone("desk");
  asked[0]?.(given);
  await expect(recording).rejects.toThrow();
  expect(given.close).toHaveBeenCalledOnce();
});
