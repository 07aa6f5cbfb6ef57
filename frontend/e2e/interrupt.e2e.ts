/** Cutting a reply off: by a button, by a key, by speaking. The speaker falls silent within 60 ms, and stays so. */

import type { Page } from "playwright-core";
import { expect, it } from "vitest";
import { logOf, stateOf, until, untilPhase } from "./browser";
import { call, cuts, LONG, QUIET, record, scene, sounding, type, untilOver } from "./scene";

const here = scene();
const SILENT_MS = 60;

/** A voice that comes hardly faster than it is spoken: the server is InProcess for as long as the reply sounds. */
const AT_LENGTH = {
  tone: { ms_per_char: 250, piece_ms: 100 },
  timing: { ...QUIET.timing, tts_piece_ms: 90 },
};

async function speaking(page: Page, script: object = AT_LENGTH): Promise<void> {
  await record(page);
  await call(page);
  await here.hears("讲个故事吧", { reply: LONG, script });
  await untilPhase(page, "speaking");
  await until(page, ({ turns }) => (turns[0]?.playedMs ?? 0) > 700);
}

/** From the page's own decision, or the arrival of BotInterrupted, to the last of the turn that could be heard. */
async function silentAfterMs(page: Page): Promise<number> {
  const [cut] = await cuts(page);
  const last = (await sounding(page)).findLast(({ turn }) => turn === cut?.turn);
  return ((last?.at ?? Number.NaN) - (cut?.at ?? Number.NaN)) * 1000;
}

it("when the caller speaks during the reply, the friend falls silent, and the words open the next turn", async () => {
  const { page } = await here.visit();
  await speaking(page);
  await here.hears("等一下，我想问你", {
    partials: ["等一下"],
    reply: "怎么啦？",
    script: { ...AT_LENGTH, timing: QUIET.timing },
  });
  await untilOver(page, 2);

  const [first, second] = (await stateOf(page)).turns;
  expect(first).toMatchObject({ heard: "讲个故事吧", cut: true });
  expect(second).toMatchObject({ heard: "等一下，我想问你", cut: false, typed: false });
  expect(first?.playedMs).toBeLessThan(first?.soundMs ?? 0);
  expect(await silentAfterMs(page)).toBeLessThanOrEqual(SILENT_MS);
  expect((await sounding(page)).some(({ turn, level }) => turn === second?.id && level > 0.05)).toBe(true);

  const told = (await logOf(page)).map(({ name }) => name);
  const cut = told.indexOf("BotInterrupted");
  expect(told.slice(0, cut)).toContain("SentencePartial");
  const after = told.slice(cut).filter((name) => /TTSDone|SentenceRecognized|PlaybackPosition/.test(name));
  // Of the reply the server may keep as much as was heard, which it is told; then the words open the next turn.
  expect([...new Set(after)].sort()).toEqual(["PlaybackPosition", "SentenceRecognized", "TTSDone"]);
  expect(after.indexOf("TTSDone")).toBeLessThan(after.indexOf("SentenceRecognized"));
});

it("when the caller speaks over what still plays of a whole reply, it gives way as quickly", async () => {
  const { page } = await here.visit();
  await speaking(page, { tone: { ms_per_char: 250 } });
  await here.hears("等一下", { partials: ["等", "等一"], reply: "怎么啦？" });
  await untilOver(page, 2);

  const { turns } = await stateOf(page);
  expect(turns.map(({ heard, cut }) => ({ heard, cut }))).toEqual([
    { heard: "讲个故事吧", cut: true },
    { heard: "等一下", cut: false },
  ]);
  expect(await silentAfterMs(page)).toBeLessThanOrEqual(SILENT_MS);
});

it("a press on Stop speaking silences it, and what still comes of the turn is dropped", async () => {
  const { page } = await here.visit({ before: LATE_FRAMES });
  await speaking(page);
  await page.evaluate(() => Object.assign(window, { lateMs: 800 }));
  await until(page, ({ turns }) => (turns[0]?.playedMs ?? 0) > 2000);
  await page.getByRole("button", { name: "Stop speaking" }).click();
  await untilPhase(page, "listening");
  const before = await soundBytes(page);
  await page.waitForTimeout(2000);

  expect(await soundBytes(page)).toBeGreaterThan(before); // frames did come after the cut
  expect(await silentAfterMs(page)).toBeLessThanOrEqual(SILENT_MS);
  const { turns } = await stateOf(page);
  expect(turns.map(({ cut }) => cut)).toEqual([true]);
  expect((await logOf(page)).filter(({ name }) => name === "BotInterrupt")).toHaveLength(1);
});

/** From when `lateMs` is set, everything from the server arrives so much later. */
const LATE_FRAMES = `
  const Real = window.WebSocket;
  window.WebSocket = class extends Real {
    set onmessage(listener) {
      super.onmessage = (event) => window.lateMs
        ? setTimeout(() => listener.call(this, event), window.lateMs)
        : listener.call(this, event);
    }
  };`;

async function soundBytes(page: Page): Promise<number> {
  const lines = (await logOf(page)).filter(
    ({ way, name, turn }) => way === "down" && name === "audio" && turn === 1,
  );
  return lines.reduce((sum, { bytes }) => sum + bytes, 0);
}

it("with interrupting switched off, the caller's voice is not even sent, and the reply plays to its end", async () => {
  const { page } = await here.visit({ settings: { bargeIn: false } });
  await call(page);
  const reply = "好呀好呀，那我们周末一起去拍照。";
  const hears = [{ text: "我在说话", after_ms: null }]; // heard where there is speech, which the microphone always has
  await here.stack.script({ ...QUIET, tone: { ms_per_char: 250 }, replies_always: { text: reply } });
  await type(page, "你好");
  await untilPhase(page, "speaking");
  await here.stack.script({ ...QUIET, speech_peak: 500, hears, replies_always: { text: "嗯嗯。" } });
  await untilOver(page, 2);

  const [first, second] = (await stateOf(page)).turns;
  expect([first?.cut, second?.heard]).toEqual([false, "我在说话"]);
  const asked = (await logOf(page)).map(({ name }) => name);
  expect(asked).not.toContain("BotInterrupted");
});

it("a murmur cuts nobody off, and is shown to nobody", async () => {
  const { page } = await here.visit();
  await speaking(page);
  await here.hears("嗯", { partials: ["嗯"], script: AT_LENGTH });
  const [turn] = (await stateOf(page)).turns;
  await until(page, ({ turns }) => (turns[0]?.playedMs ?? 0) > (turn?.playedMs ?? 0) + 2000);
  expect(await cuts(page)).toEqual([]);
  const told = (await logOf(page)).map(({ name }) => name);
  expect(told.slice(told.indexOf("TTSSentenceStart"))).not.toContain("SentencePartial");
});

it("a press on Stop once the server is done is told to it, for it remembers what was heard", async () => {
  const { page } = await here.visit();
  await speaking(page, { tone: { ms_per_char: 250 } }); // a voice that is ready long before it is heard
  await until(page, ({ turns }) => turns[0]?.sent === true);
  await page.getByRole("button", { name: "Stop speaking" }).click();
  await untilPhase(page, "listening");
  const names = (await logOf(page)).map(({ name }) => name);
  expect(names.indexOf("BotInterrupt")).toBeGreaterThan(names.indexOf("TTSDone"));
});
