/** What most browser tests begin with: servers for the file, a page for the test, and nothing left of the test before. */

import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect } from "vitest";
import { type Browser, open, until, untilPhase, type Wishes } from "./browser";
import { Stack } from "./stack";

/** Services that answer at once, and a microphone in which nobody is understood until a test says so. */
export const QUIET = {
  tone: { ms_per_char: 40 },
  timing: { first_token_ms: 30, tts_first_byte_ms: 30 },
  hears: [],
  hears_always: null,
  speech_peak: 32767,
};

export const LONG =
  "我今天去了好多地方，先去图书馆看书，又去操场跑步，最后去吃了一碗牛肉面，特别好吃，下次带你去。";

const NETWORK = /^WebSocket connection to .* failed|^Failed to load resource/;

interface Line {
  partials?: readonly string[];
  reply?: string;
  /** More of the emulator's script: how the reply sounds and how fast it comes. */
  script?: object;
}

export class Scene {
  stack!: Stack;
  private browsers: Browser[] = [];

  /** A page of its own, closed after the test; one that moves little unless asked to, as drawing takes half a core. */
  async visit(wishes: Wishes = {}): Promise<Browser> {
    const browser = await open(this.stack.url, { stillness: true, ...wishes });
    this.browsers.push(browser);
    return browser;
  }

  /** The caller says this now: it is understood in the recognition that is open, however fast the machine is. */
  async hears(text: string, { partials = [], reply = "好的。", script = {} }: Line = {}): Promise<void> {
    const hears = [{ text, partials, after_ms: 1 }];
    await this.stack.script({ ...QUIET, hears, replies_always: { text: reply }, ...script });
  }

  /** Nothing is left of the test, and nothing went wrong in its pages but the network, which browsers report by themselves. */
  async clear(): Promise<void> {
    const browsers = this.browsers.splice(0);
    for (const browser of browsers) await browser.close();
    await this.stack.quiet();
    expect(browsers.flatMap(({ complaints }) => complaints).filter((each) => !NETWORK.test(each))).toEqual(
      [],
    );
  }
}

/**
 * Utterances end by their words, and soon: the microphone's recording says other things than a test does, and at other
 * times, so that voice activity would hold them up for seconds.
 */
const BY_THE_WORDS = { VAD: "off", VOICE_CALL_HOLD_OPEN_MS: "300", VOICE_CALL_HOLD_FIRST_MS: "300" };

/** Registers the hooks of a file or of a `describe`. */
export function scene(env: Readonly<Record<string, string>> = {}): Scene {
  const made = new Scene();
  beforeAll(async () => {
    made.stack = await Stack.start({ ...BY_THE_WORDS, ...env });
  });
  beforeEach(() => made.stack.script({ ...QUIET, replies_always: { text: "好呀！" } }));
  afterEach(() => made.clear());
  afterAll(() => made.stack?.stop());
  return made;
}

export async function call(page: Page): Promise<void> {
  await page.locator(".round.go").click();
  await untilPhase(page, "listening");
}

export async function type(page: Page, text: string): Promise<void> {
  const field = page.locator(".typing input");
  if (!(await field.isVisible())) await page.locator(".round", { hasText: /^(Type|打字)$/ }).click();
  await field.fill(text);
  await field.press("Enter");
}

/** There were so many turns, and each was answered and played to its end, or cut. */
export async function untilOver(page: Page, turns: number): Promise<void> {
  await until(page, (state) => state.turns.length === turns && state.turns.every(({ over }) => over));
}

interface News {
  turn: number;
  level: number;
  /** The audio clock, in seconds. */
  at: number;
}

/** From now on, note what the speaker plays (every 20 ms) and when a reply is cut off, on the audio clock. */
export async function record(page: Page): Promise<void> {
  await page.evaluate(() => {
    const { levels, store } = window.__call.calls;
    const played: unknown[] = [];
    const cuts: unknown[] = [];
    let last = levels.played;
    Object.defineProperty(levels, "played", {
      get: () => last,
      set: (news) => {
        last = news;
        played.push(news);
      },
    });
    store.watch((now, before) => {
      const { sound } = window.__call.calls;
      if (now.cutThrough > before.cutThrough && now.line === "open" && sound)
        cuts.push({ turn: now.cutThrough, at: sound.context.currentTime });
    });
    Object.assign(window, { played, cuts });
  });
}

/** What was really to be heard: more than a fade's last echo. */
export async function sounding(page: Page): Promise<News[]> {
  const played = await page.evaluate(() => (window as unknown as { played: News[] }).played);
  return played.filter(({ level }) => level > 0.0005);
}

export function cuts(page: Page): Promise<{ turn: number; at: number }[]> {
  return page.evaluate(() => (window as unknown as { cuts: { turn: number; at: number }[] }).cuts);
}
