import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { JitterBuffer } from "../audio/jitter";
import type { PlaybackNews } from "../audio/playback.worklet";
import { type CallEvent, reduce } from "../call/reduce";
import { type CallState, HOME, phaseOf } from "../call/state";
import { Playout } from "./playout";
import { createStore } from "./store";

const RATE = 8000;
const NEWS_MS = 20;
const EAR = { delayMs: 0, pageTime: (audioSeconds: number) => audioSeconds * 1000 };

/** A call whose speaker is the real jitter buffer, on a clock of its own. */
class Listener {
  readonly store = createStore<CallState, CallEvent>(reduce, HOME);
  readonly buffer = new JitterBuffer(RATE);
  readonly reports: { turn: number; ms: number; at: number }[] = [];
  now = 0;
  private readonly playout = new Playout(
    this.store,
    (turn, ms) => this.reports.push({ turn, ms, at: this.now }),
    () => this.now,
  );

  constructor(private readonly delayMs = 0) {
    this.store.watch((now, before) => {
      if (now.cutThrough === before.cutThrough) return;
      this.buffer.cut(now.cutThrough);
      this.playout.cut(before);
    });
    this.store.dispatch({ type: "dialled", sid: null, earlier: [], at: 0 });
    this.says(0, "BotReady", { session: "s" });
  }

  says(turn: number, event: string, payload: object = {}): void {
    this.store.dispatch({ type: "server", event: { event, payload } as never, turn, at: this.now });
    if (event === "TTSDone") this.buffer.end(turn + 1);
  }

  hear(turn: number, ms: number): void {
    this.buffer.push(turn + 1, new Float32Array((RATE * ms) / 1000).fill(0.5));
    this.store.dispatch({ type: "sound", turn: turn + 1, ms, at: this.now });
  }

  play(ms: number): void {
    for (const end = this.now + ms; this.now < end; this.now += NEWS_MS) {
      const happenings = this.buffer.pull(new Float32Array((RATE * NEWS_MS) / 1000));
      const news: PlaybackNews = {
        ...this.buffer.report(),
        happenings,
        level: 0,
        at: this.now / 1000,
      };
      this.playout.heard(news, { ...EAR, delayMs: this.delayMs });
    }
  }
}

function speaking(ms: number, delayMs = 0): Listener {
  const listener = new Listener(delayMs);
  listener.says(1, "SentenceRecognized", { sentence: "你好" });
  listener.says(1, "TTSSentenceStart", { sentence: "你好呀！" });
  listener.hear(1, ms);
  return listener;
}

describe("what was heard", () => {
  it("is told a few times a second, and at the end to the last millisecond", () => {
    const listener = speaking(1000);
    listener.says(1, "TTSDone");
    listener.play(2000);
    expect(phaseOf(listener.store.get())).toBe("listening");
    expect(listener.reports.at(-1)).toMatchObject({ turn: 1, ms: 1000 });
    expect(listener.reports.length).toBeGreaterThanOrEqual(5);
    expect(listener.reports.length).toBeLessThanOrEqual(7);
  });

  it("is less than what was played by the way to the ear", () => {
    const listener = speaking(1000, 150);
    listener.play(500);
    const { turns } = listener.store.get();
    expect(turns[0]?.outputMs).toBe(150);
    expect(turns[0]?.playedMs).toBeGreaterThan(250);
    expect(turns[0]?.playedMs).toBeLessThanOrEqual(350);
  });

  it("is told at once when the reply is cut, and then no more", () => {
    const listener = speaking(1000);
    listener.play(500);
    listener.store.dispatch({ type: "interrupted" });
    const told = listener.reports.at(-1);
    expect(told).toMatchObject({ turn: 1, at: listener.now });
    expect(told?.ms).toBeGreaterThan(400);
    listener.play(500);
    expect(listener.reports.at(-1)).toBe(told);
  });

  it("is told before the call is hung up", () => {
    const listener = speaking(1000);
    listener.play(500);
    const before = listener.reports.length;
    listener.store.dispatch({ type: "hung up", at: listener.now });
    expect(listener.reports.slice(before)).toMatchObject([{ turn: 1, at: listener.now }]);
    expect(listener.reports.at(-1)?.ms).toBeGreaterThan(400);
  });

  it("is told to nobody while the line is lost", () => {
    const listener = speaking(1000);
    listener.store.dispatch({ type: "lost", attempt: 1 });
    listener.play(500);
    expect(listener.reports).toEqual([]);
  });

  it("whatever happens: positions of a turn only grow, and never pass the sound that came of it", () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant("play" as const), ms: fc.integer({ min: 20, max: 400 }) }),
      fc.record({ do: fc.constant("hear" as const), ms: fc.integer({ min: 20, max: 500 }) }),
      fc.record({
        do: fc.constantFrom("done" as const, "cut" as const, "next" as const),
        ms: fc.constant(0),
      }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), fc.integer({ min: 0, max: 200 }), (steps, delayMs) => {
        const listener = new Listener(delayMs);
        const came = new Map<number, number>();
        let turn = 0;
        for (const { do: what, ms } of steps) {
          if (what === "play") listener.play(ms);
          else if (what === "next") listener.says(++turn, "SentenceRecognized", { sentence: "好" });
          else if (what === "cut") listener.store.dispatch({ type: "interrupted" });
          else if (what === "done") listener.says(turn, "TTSDone");
          else if (turn > 0) {
            listener.hear(turn, ms);
            came.set(turn, (came.get(turn) ?? 0) + ms);
          }
        }
        listener.play(400);
        const last = new Map<number, number>();
        for (const { turn, ms } of listener.reports) {
          expect(ms).toBeGreaterThanOrEqual(last.get(turn) ?? 0);
          expect(ms).toBeLessThanOrEqual(came.get(turn) ?? 0);
          last.set(turn, ms);
        }
      }),
      { numRuns: 200 },
    );
  });
});
