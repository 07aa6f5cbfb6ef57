/** No mocks: a recording of Mandarin as the microphone, on-device recognition and speech, and what is really played. */

import { spawnSync } from "node:child_process";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Browser, open, stateOf, until } from "./browser";
import { python, ROOT, Stack } from "./stack";

const SAID = ["你今天在干什么呀", "你最近有没有去哪里旅游"];
const PATIENCE_MS = 420_000; // a small machine speaks slower than it is spoken to

/** The models are fetched once; where they cannot be had this is skipped, but in CI it fails. */
function haveModels(): boolean {
  const { status, stderr } = spawnSync(python(), ["-m", "emulator.models"], { cwd: ROOT, encoding: "utf-8" });
  if (status !== 0) console.log(`SKIPPED unless CI=true: the on-device models cannot be had. ${stderr}`);
  return status === 0 || process.env.CI === "true";
}

const possible = haveModels();
let stack: Stack;
let browser: Browser;

beforeAll(async () => {
  if (!possible) return;
  stack = await Stack.start({ EMULATOR_ENGINE: "on-device" });
  browser = await open(stack.url, { microphone: "zh_call.wav" });
}, 600_000);
afterAll(async () => {
  await browser?.close();
  await stack?.stop();
});

it.runIf(possible)(
  "a Mandarin sentence is understood, answered in text and in sound that is really played; and again",
  async () => {
    const { page } = browser;
    await page.evaluate(() => {
      const { levels } = window.__call.calls;
      const loudest: Record<number, number> = {};
      let last = levels.played;
      Object.defineProperty(levels, "played", {
        get: () => last,
        set: (news: NonNullable<typeof last>) => {
          last = news;
          loudest[news.turn] = Math.max(loudest[news.turn] ?? 0, news.level);
        },
      });
      Object.assign(window, { loudest });
    });
    await page.locator(".round.go").click();
    await until(
      page,
      ({ turns }) => turns.filter((turn) => turn.playedMs > 300 && turn.over).length >= 2,
      PATIENCE_MS,
    );

    const { turns } = await stateOf(page);
    const loudest = await page.evaluate(
      () => (window as unknown as { loudest: Record<number, number> }).loudest,
    );
    const answered = turns.filter((turn) => turn.playedMs > 300 && turn.over).slice(0, 2);
    for (const turn of answered) {
      const likeness = Math.max(...SAID.map((sentence) => overlap(sentence, turn.heard)));
      expect(likeness, turn.heard).toBeGreaterThan(0.6);
      expect(turn.sentences.map(({ text }) => text).join("").length).toBeGreaterThan(1);
      expect(turn.soundMs).toBeGreaterThan(400);
      expect(loudest[turn.id]).toBeGreaterThan(0.01);
    }
  },
  PATIENCE_MS + 30_000,
);

/** The share of `wanted`'s characters that `heard` has, in any order: recognisers choose other words of the same sound. */
function overlap(wanted: string, heard: string): number {
  const left = [...heard];
  const found = [...wanted].filter((character) => {
    const at = left.indexOf(character);
    if (at >= 0) left.splice(at, 1);
    return at >= 0;
  });
  return found.length / wanted.length;
}
