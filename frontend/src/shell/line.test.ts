// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type CallEvent, reduce } from "../call/reduce";
import { type CallState, HOME, phaseOf } from "../call/state";
import type { UpEvent } from "../protocol/events";
import type { DownFrame } from "../protocol/frames";
import { Line, type LineSurroundings } from "./line";
import type { LinkEars } from "./link";
import { DEFAULTS } from "./settings";
import { createStore } from "./store";

/** A network that takes nothing until it is told to. */
interface FakeLink {
  address: string;
  ears: LinkEars;
  sent: UpEvent[];
  sounds: Int16Array[];
  given: number;
  waiting: number;
  closedBy: unknown;
}
const links: FakeLink[] = [];
vi.mock("./link", () => ({
  Link: class implements FakeLink {
    sent: UpEvent[] = [];
    sounds: Int16Array[] = [];
    given = 0;
    waiting = 0;
    closedBy: unknown = null;
    constructor(
      readonly address: string,
      _token: string,
      _log: unknown,
      readonly ears: LinkEars,
    ) {
      links.push(this);
    }
    send(event: UpEvent) {
      this.sent.push(event);
    }
    sound(pcm: Int16Array) {
      this.sounds.push(pcm);
      this.given += pcm.byteLength;
      this.waiting += pcm.byteLength;
    }
    close(how: unknown) {
      this.closedBy = how;
    }
  },
}));

function inACall() {
  const store = createStore<CallState, CallEvent>(reduce, HOME);
  const settings = createStore((before: typeof DEFAULTS) => before, {
    ...DEFAULTS,
    serverUrl: "ws://localhost:1/",
  });
  const place = () => ({ url: null, port: 1, path: "/", servers: null });
  const line = new Line({ settings, place } as unknown as LineSurroundings, store, (frame) => {
    if (frame.kind !== "event") return;
    store.dispatch({ type: "server", event: frame.event, turn: frame.turn, at: 0 });
    if (frame.event.event === "BotReady") line.answered();
    if (store.get().line === "ended") line.hangUp();
  });
  const says = (event: string, payload: object = {}, turn = 0) =>
    links.at(-1)?.ears.frame({ kind: "event", event: { event, payload }, turn } as DownFrame);
  const ready = () =>
    says("BotReady", { session: "s1", resume: { turn: 0, frame: 0, seconds: 30, call: "abcdefgh" } });
  store.dispatch({ type: "dialled", sid: null, earlier: [], at: 0 });
  line.dial();
  ready();
  return { line, store, says, ready };
}

const link = (nth: number) => links[nth] as FakeLink;

beforeEach(() => {
  links.length = 0;
  vi.useFakeTimers();
});
afterEach(() => vi.useRealTimers());

describe("a line that has died without closing", () => {
  it("is asked, given up, and taken up again where it was", () => {
    const { store } = inACall();
    vi.advanceTimersByTime(10_000);
    expect(link(0).sent).toEqual([{ event: "Ping", payload: {} }]);
    vi.advanceTimersByTime(5000);
    expect(link(0).closedBy).toEqual({ backSoon: true });
    expect(store.get().line).toBe("lost");
    vi.advanceTimersByTime(1000);
    expect(new URL(link(1).address).searchParams.get("resume")).toBe("0:0:abcdefgh");
  });

  it("is asked at once when the network is back", () => {
    const { line, store } = inACall();
    line.redialNow();
    expect(link(0).sent).toEqual([{ event: "Ping", payload: {} }]);
    vi.advanceTimersByTime(3000);
    expect(store.get().line).toBe("lost");
  });

  it("is given up where the network takes nothing more of what is sent", () => {
    const { line, store, says } = inACall();
    line.sound(new Int16Array(1600));
    vi.advanceTimersByTime(5000);
    says("SentencePartial", { sentence: "hm" });
    vi.advanceTimersByTime(3000);
    expect(store.get().line).toBe("lost");
  });

  it("is watched no more once it was hung up", () => {
    const { line } = inACall();
    line.hangUp();
    vi.advanceTimersByTime(60_000);
    expect(links).toHaveLength(1);
    expect(link(0).sent).toEqual([]);
  });
});

describe("a line that the network is slow on", () => {
  const tenth = () => new Int16Array(1600);

  it("carries the whole of what was said before it was open, and what is said right after", () => {
    const { line } = inACall();
    const backlog = Array.from({ length: 100 }, tenth);
    line.catchUp(backlog);
    line.sound(tenth());
    expect(link(0).sounds).toHaveLength(101);
  });

  it("carries nothing that would only arrive late", () => {
    const { line } = inACall();
    for (let i = 0; i < 200; i++) line.sound(tenth());
    expect(link(0).sounds).toHaveLength(82);
    line.catchUp(Array.from({ length: 100 }, tenth));
    link(0).waiting = 0;
    for (let i = 0; i < 200; i++) line.sound(tenth());
    expect(link(0).sounds).toHaveLength(82 + 100 + 82);
  });
});

describe("her goodbye, where the call has cost as much as it may", () => {
  function goodbye() {
    const call = inACall();
    call.says("TTSSentenceStart", { sentence: "下次再聊！" }, 1);
    const turn = 2;
    call.store.dispatch({ type: "sound", turn, ms: 900, at: 0 });
    call.store.dispatch({ type: "started", turn, at: 0, outputMs: 0 });
    call.says("TTSDone", {}, 1);
    call.says("BotError", { error: { code: "Busy", message: "spent" } });
    link(0).ears.closed(1000);
    return { ...call, turn };
  }

  it("is heard to its end", () => {
    const { store, turn } = goodbye();
    expect(phaseOf(store.get())).toBe("speaking");
    store.dispatch({ type: "drained", turn });
    expect(store.get()).toMatchObject({
      line: "ended",
      failure: "spent",
      turns: [{ cut: false, over: true }],
    });
  });

  it("keeps nobody for long where its sound does not end", () => {
    const { store } = goodbye();
    vi.advanceTimersByTime(8000);
    expect(store.get()).toMatchObject({ line: "ended", failure: "spent" });
  });

  it("is no failure to who hangs up while it sounds", () => {
    const { line, store } = goodbye();
    line.hangUp();
    const before = store.get();
    store.dispatch({ type: "muted", muted: true });
    vi.advanceTimersByTime(60_000);
    expect(store.get()).toEqual({ ...before, muted: true });
  });
});
