/** How the portrait holds itself at one instant. Pure: time and loudness in, a pose out. */

import type { Phase } from "../call/state";

export interface Pose {
  breath: number; // vertical scale of the whole figure
  lift: number; // px
  tilt: number; // degrees, of the head
  nod: number; // px, of the head
  gazeX: number; // px, of the pupils
  gazeY: number;
  lids: number; // vertical scale of the eyes: 1 open, 0.1 closed
  asleep: boolean;
  brows: number; // px up
  mouth: number; // 0 closed, 1 wide open
}

export interface Mood {
  phase: Phase;
  muted: boolean;
  /** Seconds on a clock that never stands still. */
  now: number;
  caller: number;
  friend: number;
}

const REST: Pose = {
  breath: 1,
  lift: 0,
  tilt: 0,
  nod: 0,
  gazeX: 0,
  gazeY: 0,
  lids: 1,
  asleep: false,
  brows: 0,
  mouth: 0,
};

/** Nothing moves but what carries meaning: the mouth, closed eyes, the direction of the look. */
export function stillPose(mood: Mood): Pose {
  const pose = expression({ ...mood, now: 0 });
  return {
    ...REST,
    gazeX: pose.gazeX,
    gazeY: pose.gazeY,
    asleep: pose.asleep,
    mouth: mood.friend > 0.2 ? 0.6 : 0,
  };
}

export function poseOf(mood: Mood): Pose {
  const { now } = mood;
  const wave = (seconds: number, shift = 0) => Math.sin((2 * Math.PI * now) / seconds + shift);
  const pose = expression(mood);
  return {
    ...pose,
    breath: 1 + 0.006 * wave(3.8),
    tilt: pose.tilt + 0.7 * wave(6.1),
    nod: pose.nod + 1.1 * wave(3.8, 0.6),
    lids: pose.asleep ? 1 : blink(now),
  };
}

function expression(mood: Mood): Pose {
  const { now, caller, friend } = mood;
  switch (mood.phase) {
    case "home":
      return { ...REST, gazeX: 1.2 * Math.sin(now / 2.7) };
    case "connecting":
      return { ...REST, gazeX: 3 * Math.sin(now * 1.4), brows: 2, tilt: -1.5 };
    case "listening":
      return mood.muted
        ? { ...REST, tilt: 2, brows: -1 }
        : { ...REST, tilt: 3.4, nod: 5 * caller, brows: 1 + 4 * caller, gazeY: 0.5 };
    case "thinking":
      return { ...REST, tilt: -4, gazeX: 4 + Math.sin(now * 1.1), gazeY: -5, brows: 3 };
    case "speaking":
      return {
        ...REST,
        mouth: mouth(friend, now),
        nod: -3.5 * friend,
        tilt: 1.6 * Math.sin(now * 1.9) * (0.4 + friend),
        lift: -1.5 * friend,
        brows: 3 * friend,
      };
    case "reconnecting":
      return { ...REST, tilt: -2.5, gazeX: 3.5 * Math.sin(now * 2), brows: 3 };
    case "ended":
      return { ...REST, asleep: true, nod: 4, tilt: 3 };
  }
}

/** The voice's loudness, shaken a little: a mouth at a steady loudness still forms syllables. */
function mouth(loudness: number, now: number): number {
  if (loudness < 0.06) return 0;
  const syllables = 0.78 + 0.22 * Math.sin(now * 31) * Math.sin(now * 12.7);
  return Math.min(1, (0.25 + 0.95 * loudness) * syllables);
}

/** Closed for an eighth of a second every few, at intervals that do not tick. */
function blink(now: number): number {
  const beat = now / 3.7 + 0.35 * Math.sin(now / 5.3);
  const into = (beat - Math.floor(beat)) * 3.7;
  return into > 0.13 ? 1 : 0.08 + 0.92 * Math.abs(into - 0.065) * (1 / 0.065);
}
