/** What phones ask of a page: sound unlocked by the press, a screen that stays on, a call that outlives its tab's sight. */

import type { Page } from "playwright-core";
import { expect, it } from "vitest";
import { logOf, PHONE, stateOf, untilPhase } from "./browser";
import { call, LONG, record, scene, sounding, untilOver } from "./scene";

const here = scene();

it("sound is opened inside the press, as iOS wants it, and told to play while it records", async () => {
  const { page } = await here.visit({
    viewport: PHONE,
    before: `
      window.deeds = [];
      let pressed = false;
      addEventListener("click", () => { pressed = true; }, true);
      addEventListener("click", () => { pressed = false; });
      const Real = window.AudioContext;
      window.AudioContext = class extends Real {
        constructor(...rest) { super(...rest); deeds.push(["opened", pressed]); }
        get state() { return deeds.some(([what]) => what === "resumed") ? super.state : "suspended"; }
        resume() { deeds.push(["resumed", pressed]); return super.resume(); }
      };
      navigator.audioSession = { type: "auto" };`,
  });
  await call(page);
  const deeds = await page.evaluate(() => (window as unknown as { deeds: unknown }).deeds);
  expect(deeds).toEqual([
    ["opened", true],
    ["resumed", true],
  ]);
  const session = await page.evaluate(() => (navigator as { audioSession?: { type: string } }).audioSession);
  expect(session?.type).toBe("play-and-record");
});

it("a sound that the system has silenced is woken by the way back to the page, and by a touch", async () => {
  const { page } = await here.visit({ viewport: PHONE });
  await call(page);
  const sound = () => page.evaluate(() => window.__call.calls.sound?.context.state);
  const silence = () => page.evaluate(() => window.__call.calls.sound?.context.suspend());
  await silence();
  expect(await sound()).toBe("suspended");
  await page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
  await expect.poll(sound).toBe("running");
  await silence();
  expect(await sound()).toBe("suspended");
  await page.locator(".figure").click({ position: { x: 20, y: 20 } });
  await expect.poll(sound).toBe("running");
});

it("the screen stays on during a call, again after the page was away, and may sleep when it is over", async () => {
  const { page } = await here.visit({
    viewport: PHONE,
    before: `
      window.locks = [];
      const request = async () => {
        const lock = { released: false, release: async () => { lock.released = true; } };
        locks.push(lock);
        return lock;
      };
      Object.defineProperty(navigator, "wakeLock", { value: { request } });`,
  });
  const held = () =>
    page.evaluate(() => {
      const { locks } = window as unknown as { locks: { released: boolean }[] };
      return locks.map(({ released }) => !released);
    });
  await page.locator(".face svg").waitFor();
  expect(await held()).toEqual([]);
  await call(page);
  expect(await held()).toEqual([true]);
  await putAway(page);
  await page.evaluate(() => {
    const { locks } = window as unknown as { locks: { released: boolean }[] };
    for (const lock of locks) lock.released = true; // as browsers do with pages out of sight
  });
  await bringBack(page);
  await expect.poll(held).toEqual([false, true]);
  await page.locator(".round.stop").click();
  await untilPhase(page, "ended");
  await expect.poll(held).toEqual([false, false]);
});

it("a tab in the background goes on talking: it hears, answers, plays to the end and says how far", async () => {
  const { page } = await here.visit();
  await record(page);
  await call(page);
  await putAway(page);
  for (const turn of [1, 2]) {
    await here.hears("你还在吗？", { reply: LONG });
    await untilOver(page, turn);
  }
  const { turns } = await stateOf(page);
  expect(turns.map(({ cut }) => cut)).toEqual([false, false]);
  const heard = await sounding(page);
  for (const { id } of turns) expect(heard.filter(({ turn }) => turn === id).length).toBeGreaterThan(10);
  const told = (await logOf(page)).filter(({ name }) => name === "PlaybackPosition");
  expect(told.length).toBeGreaterThan(5);
});

/** As a browser treats a tab in the background, which a headless one does not have: no frames, and slow timers. */
async function putAway(page: Page): Promise<void> {
  await page.evaluate(() => {
    Object.defineProperty(document, "visibilityState", { value: "hidden", configurable: true });
    Object.defineProperty(document, "hidden", { value: true, configurable: true });
    window.requestAnimationFrame = () => 0;
    const { setTimeout: later, setInterval: often } = window;
    Object.assign(window, {
      setTimeout: (what: () => void, ms: number) => later(what, Math.max(1000, ms)),
      setInterval: (what: () => void, ms: number) => often(what, Math.max(1000, ms)),
    });
    document.dispatchEvent(new Event("visibilitychange"));
  });
}

async function bringBack(page: Page): Promise<void> {
  await page.evaluate(() => {
    Object.defineProperty(document, "visibilityState", { value: "visible", configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
  });
}
