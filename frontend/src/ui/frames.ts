/** Drawing, frame by frame of the screen, but no more often than it is worth. */

const FRAME_MS = 28; // 30 pictures a second look alive, and leave a phone its battery
const STILL_MS = 200; // what has a meaning need not glide where less motion is asked for

/** Calls `draw` until the returned function is called; `still`: less motion is asked for. */
export function everyFrame(draw: (ms: number, still: boolean) => void): () => void {
  const stillness = window.matchMedia("(prefers-reduced-motion: reduce)");
  let drawn = Number.NEGATIVE_INFINITY;
  let request = 0;
  let timer = 0;
  const next = () => {
    request = requestAnimationFrame(frame);
  };
  const frame = (ms: number) => {
    if (stillness.matches) timer = window.setTimeout(next, STILL_MS);
    else next();
    if (ms - drawn < FRAME_MS) return;
    drawn = ms;
    draw(ms, stillness.matches);
  };
  next();
  return () => {
    cancelAnimationFrame(request);
    clearTimeout(timer);
  };
}
