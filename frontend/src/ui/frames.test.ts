// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { everyFrame } from "./frames";

let still = false;
beforeEach(() => {
  vi.useFakeTimers({
    toFake: ["requestAnimationFrame", "cancelAnimationFrame", "setTimeout", "clearTimeout"],
  });
  vi.stubGlobal("matchMedia", () => ({
    get matches() {
      return still;
    },
  }));
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

it.each([
  [false, 25, 35],
  [true, 4, 5],
])("with less motion asked for: %s, it draws %d to %d pictures a second", (asked, least, most) => {
  still = asked;
  const seen: boolean[] = [];
  everyFrame((_, now) => seen.push(now));
  vi.advanceTimersByTime(1000);
  expect(seen.length).toBeGreaterThanOrEqual(least);
  expect(seen.length).toBeLessThanOrEqual(most);
  expect(new Set(seen)).toEqual(new Set([asked]));
});

it("follows a wish for less motion that comes, or goes, while it draws", () => {
  still = true;
  const seen: boolean[] = [];
  everyFrame((_, now) => seen.push(now));
  vi.advanceTimersByTime(1000);
  still = false;
  vi.advanceTimersByTime(1000);
  still = true;
  vi.advanceTimersByTime(1000);
  expect(seen.filter((now) => !now).length).toBeGreaterThan(20);
  expect(seen.filter((now) => now).length).toBeLessThan(12);
});

it.each([false, true])("draws no more when it is told to stop (less motion: %s)", (asked) => {
  still = asked;
  const draw = vi.fn();
  const stop = everyFrame(draw);
  vi.advanceTimersByTime(300);
  stop();
  draw.mockClear();
  vi.advanceTimersByTime(1000);
  expect(draw).not.toHaveBeenCalled();
});
