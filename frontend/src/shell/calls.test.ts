// @vitest-environment happy-dom
import { beforeEach, describe, expect, it, vi } from "vitest";
import type { UpEvent } from "../protocol/events";
import type { DownFrame } from "../protocol/frames";
import { Calls, type Surroundings } from "./calls";
import { DEFAULTS } from "./settings";
import { createStore } from "./store";

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

async function dialled(): Promise<Calls> {
  const settings = createStore(
    (before: typeof DEFAULTS, change: object) => ({ ...before, ...change }),
    DEFAULTS,
  );
  const calls = new Calls({ settings, persona: () => "her" } as unknown as Surroundings);
  await calls.dial({ micless: true });
  return calls;
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
