import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Happening, JitterBuffer, START_MS } from "./jitter";

const RATE = 8000;
const BLOCK = 64; // 8 ms
const samplesOf = (ms: number) => (ms * RATE) / 1000;
const sound = (ms: number, value = 0.5) => new Float32Array(samplesOf(ms)).fill(value);

function pull(buffer: JitterBuffer, ms: number): { out: Float32Array; happenings: Happening[] } {
  const out = new Float32Array(samplesOf(ms));
  const happenings: Happening[] = [];
  for (let at = 0; at < out.length; at += BLOCK)
    happenings.push(...buffer.pull(out.subarray(at, at + BLOCK)));
  return { out, happenings };
}

const steepest = (out: Float32Array) =>
  out.reduce((most, x, i) => Math.max(most, Math.abs(x - (out[i - 1] ?? x))), 0);
const sounding = (out: Float32Array) => out.filter((x) => x !== 0).length;

describe("the jitter buffer", () => {
  it("waits for 80 ms before it plays", () => {
    const buffer = new JitterBuffer(RATE);
    buffer.push(1, sound(START_MS - 8));
    expect(sounding(pull(buffer, 80).out)).toBe(0);

    buffer.push(1, sound(8));
    const { out, happenings } = pull(buffer, 8);
    expect(sounding(out)).toBeGreaterThan(0);
    expect(happenings).toEqual([{ what: "started", turn: 1 }]);
  });

  it("does not wait for more of a turn that is whole", () => {
    const buffer = new JitterBuffer(RATE);
    buffer.push(1, sound(24));
    buffer.end(1);
    const { out, happenings } = pull(buffer, 48);
    expect(sounding(out)).toBe(samplesOf(24));
    expect(happenings).toEqual([
      { what: "started", turn: 1 },
      { what: "drained", turn: 1 },
    ]);
  });

  it("plays a steady stream to the last sample without an underrun", () => {
    const buffer = new JitterBuffer(RATE);
    for (let i = 0; i < 4; i++) buffer.push(1, sound(40));
    for (let i = 0; i < 50; i++) {
      buffer.push(1, sound(40));
      pull(buffer, 40);
    }
    buffer.end(1);
    pull(buffer, 400);
    expect(buffer.report()).toMatchObject({ turn: 1, playedMs: 54 * 40, bufferedMs: 0, underruns: 0 });
  });

  it("fades instead of clicking when it runs dry, and waits longer from then on", () => {
    const buffer = new JitterBuffer(RATE);
    buffer.push(1, sound(120));
    const { out } = pull(buffer, 200);
    expect(steepest(out)).toBeLessThan(0.02);
    expect(buffer.report().underruns).toBe(1);
    expect(buffer.report().targetMs).toBeGreaterThan(START_MS);
  });

  it("after a long calm it waits less again", () => {
    const buffer = new JitterBuffer(RATE);
    buffer.push(1, sound(120));
    pull(buffer, 200);
    for (let i = 0; i < 210; i++) {
      buffer.push(1, sound(104));
      pull(buffer, i < 4 ? 8 : 104);
    }
    expect(buffer.report().targetMs).toBe(START_MS);
  });

  it("falls silent within 60 ms of a cut, without a click, and drops what comes late", () => {
    const buffer = new JitterBuffer(RATE);
    buffer.push(1, sound(1000));
    pull(buffer, 200);
    buffer.cut(1);
    const { out, happenings } = pull(buffer, 400);
    expect(steepest(out)).toBeLessThan(0.02);
    expect(sounding(out.subarray(samplesOf(60)))).toBe(0);
    expect(happenings).toEqual([{ what: "drained", turn: 1 }]);

    buffer.push(1, sound(1000));
    expect(sounding(pull(buffer, 200).out)).toBe(0);
  });

  it("a cut spares the next turn, which counts its own time", () => {
    const buffer = new JitterBuffer(RATE);
    buffer.push(1, sound(500));
    pull(buffer, 200);
    buffer.cut(1);
    buffer.push(2, sound(200, 0.25));
    buffer.end(2);
    const { happenings } = pull(buffer, 400);
    expect(happenings.at(-1)).toEqual({ what: "drained", turn: 2 });
    expect(buffer.report()).toMatchObject({ turn: 2, playedMs: 200 });
  });

  it("a turn without sound is over as soon as it is said to be", () => {
    const buffer = new JitterBuffer(RATE);
    buffer.end(3);
    expect(pull(buffer, 8).happenings).toEqual([{ what: "drained", turn: 3 }]);
  });

  it("however much has come and been played: a cut is silent within 60 ms, and nothing of the turn follows", () => {
    const pieces = fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(pieces, fc.integer({ min: 0, max: 200 }), pieces, (before, played, late) => {
        const buffer = new JitterBuffer(RATE);
        for (const ms of before) buffer.push(1, sound(ms));
        pull(buffer, played * 8);
        buffer.cut(1);
        const fading = pull(buffer, 56).out;
        for (const ms of late) buffer.push(1, sound(ms));
        expect(sounding(pull(buffer, 400).out)).toBe(0);
        expect(steepest(fading)).toBeLessThan(0.02);
      }),
    );
  });

  it("whatever the network does: it waits 80 ms at first, longer after each underrun, and within bounds", () => {
    const burst = fc.record({ ms: fc.integer({ min: 1, max: 200 }), pause: fc.integer({ min: 0, max: 60 }) });
    fc.assert(
      fc.property(fc.array(burst, { maxLength: 60 }), (bursts) => {
        const buffer = new JitterBuffer(RATE);
        let before = buffer.report();
        expect(before.targetMs).toBe(START_MS);
        for (const { ms, pause } of bursts) {
          buffer.push(1, sound(ms));
          for (let i = 0; i < pause; i++) {
            pull(buffer, 8);
            const now = buffer.report();
            if (now.underruns > before.underruns && before.targetMs < 600)
              expect(now.targetMs).toBeGreaterThan(before.targetMs);
            expect(now.targetMs).toBeLessThanOrEqual(600);
            before = now;
          }
        }
      }),
    );
  });

  it("whatever happens: no sample is lost, played twice or louder, and every turn ends once", () => {
    const step = fc.oneof(
      {
        weight: 5,
        arbitrary: fc.record({ do: fc.constant("push" as const), ms: fc.integer({ min: 1, max: 90 }) }),
      },
      {
        weight: 5,
        arbitrary: fc.record({ do: fc.constant("pull" as const), ms: fc.integer({ min: 1, max: 12 }) }),
      },
      { weight: 1, arbitrary: fc.record({ do: fc.constant("end" as const), ms: fc.constant(0) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant("cut" as const), ms: fc.constant(0) }) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const buffer = new JitterBuffer(RATE);
        let loudest = 0;
        const drained: number[] = [];
        const pushed = new Map<number, number>();
        const cut = new Set<number>();
        const take = (ms: number) => {
          const { out, happenings } = pull(buffer, ms * 8);
          loudest = out.reduce((most, x) => Math.max(most, x), loudest);
          const { turn, playedMs } = buffer.report();
          for (const { what, turn: over } of happenings) {
            if (what !== "drained") continue;
            drained.push(over);
            if (over === turn && !cut.has(over)) expect(playedMs).toBe(pushed.get(over));
          }
        };
        let turn = 1;
        for (const { do: what, ms } of steps) {
          if (what === "pull") take(ms);
          if (what === "push") {
            buffer.push(turn, sound(ms));
            pushed.set(turn, (pushed.get(turn) ?? 0) + ms);
          }
          if (what === "cut") cut.add(turn);
          if (what === "end" || what === "cut") buffer[what](turn++);
        }
        buffer.end(turn);
        take(500);
        expect(loudest).toBeLessThanOrEqual(0.5);
        expect(new Set(drained).size).toBe(drained.length);
        expect(drained.at(-1)).toBe(turn);
        expect(buffer.report().bufferedMs).toBe(0);
      }),
      { numRuns: 60 },
    );
  });
});
