/** A soft wave under the words: it moves with whoever speaks. */

import { useEffect, useRef } from "preact/hooks";
import { loudnessOf } from "../call/state";
import { usePage } from "./context";
import { everyFrame } from "./frames";

const LAYERS = [
  { reach: 1, pace: 1, waves: 1.6, alpha: 0.9, width: 2.5 },
  { reach: 0.62, pace: -0.7, waves: 2.3, alpha: 0.45, width: 2 },
  { reach: 0.36, pace: 1.5, waves: 3.1, alpha: 0.25, width: 1.5 },
];

/** The part of the way to a new loudness that the wave takes in one picture. */
const SOFTLY = 0.44;

export function Wave() {
  const { calls } = usePage();
  const ref = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const canvas = ref.current;
    const paper = canvas?.getContext("2d");
    if (!canvas || !paper) return;
    let swell = 0;
    return everyFrame((ms, still) => {
      const level = loudnessOf(calls.store.get(), calls.levels);
      swell += (level - swell) * (still ? 1 : SOFTLY);
      resize(canvas);
      sketch(paper, still ? 0 : ms / 1000, swell, getComputedStyle(canvas).color);
    });
  }, [calls]);
  return <canvas class="wave" ref={ref} />;
}

function resize(canvas: HTMLCanvasElement): void {
  const scale = window.devicePixelRatio || 1;
  const width = Math.round(canvas.clientWidth * scale);
  const height = Math.round(canvas.clientHeight * scale);
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
}

function sketch(paper: CanvasRenderingContext2D, seconds: number, swell: number, colour: string): void {
  const { width, height } = paper.canvas;
  const scale = window.devicePixelRatio || 1;
  paper.clearRect(0, 0, width, height);
  paper.strokeStyle = colour;
  paper.lineCap = "round";
  for (const { reach, pace, waves, alpha, width: line } of LAYERS) {
    paper.globalAlpha = alpha;
    paper.lineWidth = line * scale;
    paper.beginPath();
    const height2 = (height / 2 - 3 * scale) * (0.05 + 0.95 * swell) * reach;
    for (let x = 0; x <= width; x += 3 * scale) {
      const along = x / width;
      const hush = Math.sin(Math.PI * along) ** 2; // still at both ends
      const y = height / 2 + height2 * hush * Math.sin(2 * Math.PI * (waves * along - pace * seconds * 0.9));
      if (x === 0) paper.moveTo(x, y);
      else paper.lineTo(x, y);
    }
    paper.stroke();
  }
}
