/** The living portrait: the server's drawing, posed for every frame of the screen. */

import { useEffect, useRef } from "preact/hooks";
import { loudnessOf, phaseOf } from "../call/state";
import { type Avatar, readAvatar } from "../portrait/avatar";
import { type Pose, poseOf, stillPose } from "../portrait/pose";
import type { Calls } from "../shell/calls";
import { usePage } from "./context";
import { everyFrame } from "./frames";

const NECK = { x: 200, y: 300 };

export function Face({ avatar, name }: { avatar: string; name: string }) {
  const { calls } = usePage();
  const frame = useRef<HTMLDivElement>(null);
  useEffect(() => {
    let stop = () => {};
    let gone = false;
    void fetchAvatar(avatar).then((drawing) => {
      if (gone || !drawing || !frame.current) return;
      frame.current.replaceChildren(drawing.svg);
      paint(drawing.palette);
      stop = animate(drawing, calls, frame.current);
    });
    return () => {
      gone = true;
      stop();
    };
  }, [avatar, calls]);
  return <div class="face" ref={frame} role="img" aria-label={name} />;
}

async function fetchAvatar(address: string): Promise<Avatar | null> {
  try {
    const answer = await fetch(address);
    return answer.ok ? readAvatar(await answer.text(), "face-") : null;
  } catch {
    return null;
  }
}

/** The room takes the colours of who is in it. */
function paint(palette: Avatar["palette"]): void {
  for (const [name, colour] of Object.entries(palette)) {
    document.documentElement.style.setProperty(`--${name}`, colour);
  }
}

function animate(avatar: Avatar, calls: Calls, frame: HTMLElement): () => void {
  const move = mover(avatar);
  let glow = "";
  return everyFrame((ms, still) => {
    const state = calls.store.get();
    const phase = phaseOf(state);
    const { caller, friend } = calls.levels;
    const mood = { phase, muted: state.muted, now: ms / 1000, caller, friend };
    move(still ? stillPose(mood) : poseOf(mood), still);
    const next = still ? "0" : loudnessOf(state, calls.levels).toFixed(2);
    if (next !== glow) frame.parentElement?.style.setProperty("--level", next);
    glow = next;
  });
}

/** Poses are reached softly, except the mouth, which has to keep up; and at once where less motion is asked for. */
function mover({ parts }: Avatar): (pose: Pose, still: boolean) => void {
  let now: Pose | null = null;
  const middle = (part: SVGElement | undefined) => {
    const box = (part as SVGGraphicsElement | undefined)?.getBBox();
    return box
      ? { x: box.x + box.width / 2, y: box.y + box.height / 2, top: box.y }
      : { x: 200, y: 240, top: 240 };
  };
  const eyes = middle(parts.eyes);
  const mouth = middle(parts["mouth-open"]);
  return (target, still) => {
    now = now && !still ? approach(now, target) : target;
    const head = `translate(0 ${f(now.nod)}) rotate(${f(now.tilt)} ${NECK.x} ${NECK.y})`;
    turn(parts.breath, `translate(0 ${f(now.lift)}) ${scaleAbout(200, 480, 1, now.breath)}`);
    turn(parts.head, head);
    turn(parts["head-back"], head);
    turn(parts.brows, `translate(0 ${f(-now.brows)})`);
    turn(parts.pupils, `translate(${f(now.gazeX)} ${f(now.gazeY)})`);
    turn(parts.eyes, scaleAbout(eyes.x, eyes.y, 1, now.lids));
    show(parts.eyes, !now.asleep);
    show(parts["eyes-closed"], now.asleep);
    const open = now.mouth > 0.08;
    show(parts["mouth-open"], open);
    show(parts["mouth-closed"], !open);
    const width = 0.86 + 0.14 * now.mouth;
    turn(parts["mouth-open"], scaleAbout(mouth.x, mouth.top, width, 0.28 + 0.67 * now.mouth));
  };
}

function approach(now: Pose, target: Pose): Pose {
  const near = (a: number, b: number) => a + (b - a) * 0.22;
  return {
    ...target,
    lift: near(now.lift, target.lift),
    tilt: near(now.tilt, target.tilt),
    nod: near(now.nod, target.nod),
    gazeX: near(now.gazeX, target.gazeX),
    gazeY: near(now.gazeY, target.gazeY),
    brows: near(now.brows, target.brows),
    mouth: now.mouth + (target.mouth - now.mouth) * 0.75,
  };
}

function scaleAbout(x: number, y: number, sx: number, sy: number): string {
  return `translate(${f(x)} ${f(y)}) scale(${sx.toFixed(4)} ${sy.toFixed(4)}) translate(${f(-x)} ${f(-y)})`;
}

function turn(part: SVGElement | undefined, transform: string): void {
  set(part, "transform", transform);
}

function show(part: SVGElement | undefined, visible: boolean): void {
  set(part, "opacity", visible ? "1" : "0");
}

/** What stays as it is, is not drawn again. */
function set(part: SVGElement | undefined, name: string, value: string): void {
  if (part?.getAttribute(name) !== value) part?.setAttribute(name, value);
}

function f(value: number): string {
  return value.toFixed(2);
}
