import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { playSample, type SampleState } from "./sample";

class FakeAudio {
  static made: FakeAudio[] = [];
  src = "";
  sounding = false;
  onplaying: () => void = () => undefined;
  onpause: () => void = () => undefined;
  onended: () => void = () => undefined;
  onerror: () => void = () => undefined;

  constructor() {
    FakeAudio.made.push(this);
  }

  async play(): Promise<void> {
    this.sounding = true;
    this.onplaying();
  }

  pause(): void {
    if (this.sounding) this.onpause();
    this.sounding = false;
  }
}

/** A sample that is loaded when a test says so. */
function coming(address = "blob:a") {
  let arrive = () => undefined as void;
  const loaded = new Promise<string>((yes) => {
    arrive = () => yes(address);
  });
  const states: SampleState[] = [];
  const load = () => loaded;
  const arrives = async () => {
    arrive();
    await new Promise((soon) => setTimeout(soon));
  };
  return { load, arrives, states, tell: (state: SampleState) => void states.push(state) };
}

const revoked: string[] = [];
const sounding = () => FakeAudio.made.filter((each) => each.sounding).length;

beforeEach(() => {
  FakeAudio.made = [];
  revoked.splice(0);
  vi.stubGlobal("Audio", FakeAudio);
  vi.spyOn(URL, "revokeObjectURL").mockImplementation((address) => void revoked.push(address));
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

it("plays to its end, and then lets go of it", async () => {
  const { load, arrives, states, tell } = coming();
  playSample(load, tell);
  await arrives();
  expect(sounding()).toBe(1);
  FakeAudio.made[0]?.onended();
  expect(states).toEqual(["loading", "playing", "silent"]);
  expect(revoked).toEqual(["blob:a"]);
});

it.each([
  ["while it is being loaded", false],
  ["while it sounds", true],
])("can be stopped %s", async (_, playing) => {
  const { load, arrives, states, tell } = coming();
  const stop = playSample(load, tell);
  if (playing) await arrives();
  stop();
  await arrives();
  expect(sounding()).toBe(0);
  expect(states.at(-1)).toBe("silent");
  expect(revoked).toEqual(["blob:a"]);
});

it("gives way to the next one, which the last one's end does not stop", async () => {
  const [first, second] = [coming("blob:a"), coming("blob:b")];
  const stop = playSample(first.load, first.tell);
  playSample(second.load, second.tell);
  await second.arrives();
  await first.arrives();
  stop();
  expect(first.states).toEqual(["loading", "silent"]);
  expect(second.states).toEqual(["loading", "playing"]);
  expect(sounding()).toBe(1);
});

it("is silent again when it cannot be loaded", async () => {
  const { states, tell } = coming();
  playSample(() => Promise.reject(new Error("answered 503")), tell);
  await new Promise((soon) => setTimeout(soon));
  expect(states).toEqual(["loading", "silent"]);
});
