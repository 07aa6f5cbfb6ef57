// @vitest-environment happy-dom
import { afterEach, describe, expect, it, vi } from "vitest";
import { keepAwake } from "./wakelock";

class Lock {
  released = false;
  async release(): Promise<void> {
    this.released = true;
  }
}

/** A browser that hands out locks, and takes them from a page that is put away. */
function browser() {
  const locks: Lock[] = [];
  let visible = true;
  vi.stubGlobal("navigator", { wakeLock: { request: async () => locks[locks.push(new Lock()) - 1] } });
  vi.spyOn(document, "visibilityState", "get").mockImplementation(() => (visible ? "visible" : "hidden"));
  const show = async (now: boolean) => {
    visible = now;
    if (!now) for (const lock of locks) lock.released = true;
    document.dispatchEvent(new Event("visibilitychange"));
    await Promise.resolve();
  };
  return { locks, show, held: () => locks.filter(({ released }) => !released).length };
}

afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

describe("the screen", () => {
  it("stays on until the call is over", async () => {
    const { held } = browser();
    const letSleep = keepAwake();
    await Promise.resolve();
    expect(held()).toBe(1);
    letSleep();
    expect(held()).toBe(0);
  });

  it("stays on again when the page comes back, under one lock", async () => {
    const { locks, show, held } = browser();
    const letSleep = keepAwake();
    await show(false);
    expect(held()).toBe(0);
    await show(true);
    await show(true);
    expect([held(), locks.length]).toEqual([1, 2]);
    letSleep();
    expect(held()).toBe(0);
    await show(true);
    expect(held()).toBe(0);
  });

  it("may sleep when the call ended before the browser had answered", async () => {
    const { locks } = browser();
    keepAwake()();
    await vi.waitFor(() => expect(locks.map(({ released }) => released)).toEqual([true]));
  });

  it("is left alone where the browser has no such lock, or refuses it", async () => {
    vi.stubGlobal("navigator", {});
    expect(keepAwake()).not.toThrow();
    const request = vi.fn(() => Promise.reject(new Error("low battery")));
    vi.stubGlobal("navigator", { wakeLock: { request } });
    expect(keepAwake()).not.toThrow();
    expect(request).toHaveBeenCalledOnce();
  });
});
