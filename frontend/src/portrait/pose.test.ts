import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Phase } from "../call/state";
import { type Mood, poseOf, stillPose } from "./pose";

const mood = (phase: Phase, more: Partial<Mood> = {}): Mood => ({
  phase,
  muted: false,
  now: 1,
  caller: 0,
  friend: 0,
  ...more,
});

describe("the portrait", () => {
  it("breathes while idle", () => {
    const chest = [0, 1, 2, 3].map((now) => poseOf(mood("home", { now })).breath);
    expect(new Set(chest).size).toBe(4);
  });

  it("listens with the caller's level", () => {
    expect(poseOf(mood("listening", { caller: 0.9 })).nod).toBeGreaterThan(poseOf(mood("listening")).nod + 2);
    expect(poseOf(mood("listening", { caller: 0.9, muted: true })).nod).toBeLessThan(2);
  });

  it("speaks with the voice's level", () => {
    expect(poseOf(mood("speaking")).mouth).toBe(0);
    expect(poseOf(mood("speaking", { friend: 0.8 })).mouth).toBeGreaterThan(0.4);
    expect(poseOf(mood("listening", { friend: 0.8 })).mouth).toBe(0);
  });

  it("sleeps when the call is over, and only then", () => {
    const phases: Phase[] = [
      "home",
      "connecting",
      "listening",
      "thinking",
      "speaking",
      "reconnecting",
      "ended",
    ];
    expect(phases.filter((phase) => poseOf(mood(phase)).asleep)).toEqual(["ended"]);
  });

  it("holds still where movement is not wanted, but still shows who speaks", () => {
    const phases = [
      "home",
      "connecting",
      "listening",
      "thinking",
      "speaking",
      "reconnecting",
      "ended",
    ] as const;
    for (const phase of phases) {
      expect(stillPose(mood(phase, { now: 1 }))).toEqual(stillPose(mood(phase, { now: 2.3 })));
    }
    expect(stillPose(mood("speaking", { friend: 0.8 })).mouth).toBeGreaterThan(0);
  });

  it("never leaves its bounds", () => {
    const share = fc.double({ min: 0, max: 1, noNaN: true });
    const phase = fc.constantFrom<Phase>("home", "connecting", "listening", "thinking", "speaking", "ended");
    fc.assert(
      fc.property(
        phase,
        share,
        share,
        fc.double({ min: 0, max: 1e5, noNaN: true }),
        (which, caller, friend, now) => {
          const pose = poseOf(mood(which, { caller, friend, now }));
          expect(Math.abs(pose.tilt)).toBeLessThan(10);
          expect(pose.mouth).toBeGreaterThanOrEqual(0);
          expect(pose.mouth).toBeLessThanOrEqual(1);
          expect(pose.lids).toBeGreaterThan(0);
          expect(pose.lids).toBeLessThanOrEqual(1.0001);
        },
      ),
    );
  });
});
