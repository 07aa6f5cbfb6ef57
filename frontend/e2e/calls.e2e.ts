/** Whole calls in a real Chromium, over the real server, on the scripted emulator. */

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Browser, logOf, open, stateOf, until, untilPhase, type Wishes } from "./browser";
import { Stack } from "./stack";

let stack: Stack;
let browser: Browser;

beforeAll(async () => {
  stack = await Stack.start({ VOICE_CALL_IDLE_TIMEOUT: "60" });
});
afterAll(() => stack.stop());
afterEach(() => browser.close());

const QUICK = { tone: { ms_per_char: 40 }, timing: { first_token_ms: 30, tts_first_byte_ms: 30 } };
const LONG = "我今天去了好多地方，先去图书馆看书，又去操场跑步，最后去吃了一碗牛肉面，特别好吃，下次带你去。";

async function visit(wishes: Wishes = {}): Promise<Browser> {
  browser = await open(stack.url, wishes);
  return browser;
}

async function call(): Promise<void> {
  await browser.page.locator(".round.go").click();
  await untilPhase(browser.page, "listening");
}

async function type(text: string): Promise<void> {
  const { page } = browser;
  if (!(await page.locator(".typing").isVisible())) await page.getByRole("button", { name: "Type" }).click();
  await page.locator(".typing input").fill(text);
  await page.keyboard.press("Enter");
}

/** What the worklet said it played, every 20 ms, from now on. */
async function recordPlayback(): Promise<void> {
  await browser.page.evaluate(() => {
    const { levels } = window.__call.calls;
    const played: unknown[] = [];
    let last = levels.played;
    Object.defineProperty(levels, "played", {
      get: () => last,
      set: (news) => {
        last = news;
        played.push(news);
      },
    });
    Object.assign(window, { played });
  });
}

interface News {
  turn: number;
  level: number;
  at: number;
  underruns: number;
}

function playback(): Promise<News[]> {
  return browser.page.evaluate(() => (window as unknown as { played: News[] }).played);
}

describe("a call", () => {
  beforeEach(() => visit());

  it("goes on for ten turns, each heard, answered and played to its end", async () => {
    const hears = Array.from({ length: 10 }, (_, i) => ({ text: `第${i + 1}句话。`, after_ms: 3500 }));
    const replies = hears.map((_, i) => ({ text: `好的，我听到第${i + 1}句了。` }));
    await stack.script({ ...QUICK, hears, replies });
    await recordPlayback();
    await call();
    await until(
      browser.page,
      (state) => state.turns.length === 10 && state.turns.every((t) => t.over),
      60_000,
    );

    const { turns } = await stateOf(browser.page);
    expect(turns.map((turn) => turn.heard)).toEqual(hears.map(({ text }) => text));
    expect(turns.map((turn) => turn.sentences.map(({ text }) => text).join(""))).toEqual(
      replies.map(({ text }) => text),
    );
    for (const turn of turns) {
      expect(turn.cut).toBe(false);
      expect(turn.soundMs).toBeGreaterThan(200);
      expect(turn.metrics?.first_audio).toBeGreaterThan(0);
    }
    const news = await playback();
    for (const turn of turns) {
      expect(news.some((each) => each.turn === turn.id && each.level > 0.05)).toBe(true);
    }
  });

  it("says where it plays, up to the whole of the turn", async () => {
    await stack.script({ ...QUICK, hears: [{ text: "你好", after_ms: 300 }], replies: [{ text: LONG }] });
    await call();
    await until(browser.page, (state) => state.turns[0]?.over === true, 30_000);

    const positions = (await logOf(browser.page))
      .filter((line) => line.name === "PlaybackPosition")
      .map((line) => JSON.parse(line.detail) as { turn: number; played_ms: number });
    const { turns } = await stateOf(browser.page);
    expect(positions.length).toBeGreaterThan(3);
    expect(positions.every(({ turn }) => turn === 1)).toBe(true);
    expect(positions.map((each) => each.played_ms)).toEqual(
      positions.map((each) => each.played_ms).sort((a, b) => a - b),
    );
    expect(positions.at(-1)?.played_ms).toBeCloseTo(turns[0]?.soundMs ?? 0, -2);
  });

  it("lights the words up as they are heard, not as they come", async () => {
    await stack.script({
      ...QUICK,
      tone: { ms_per_char: 150 },
      hears: [{ text: "你好", after_ms: 300 }],
      replies: [{ text: LONG }],
    });
    await call();
    await until(browser.page, (state) => state.turns[0]?.sent === true);
    const lit = () => browser.page.locator(".word.lit").count();
    const [early, all] = [await lit(), await browser.page.locator(".word").count()];
    await browser.page.waitForTimeout(700);
    expect(early).toBeLessThan(all);
    expect(await lit()).toBeGreaterThan(early);
  });

  it("falls silent within 60 ms of an interruption, and plays nothing more of that turn", async () => {
    await stack.script({
      ...QUICK,
      tone: { ms_per_char: 200 },
      hears: [{ text: "你好", after_ms: 300 }],
      replies: [{ text: LONG }],
    });
    await recordPlayback();
    await call();
    await untilPhase(browser.page, "speaking");
    await browser.page.waitForTimeout(500);
    const cutAt = await browser.page.evaluate(() => {
      const calls = window.__call.calls as unknown as {
        interrupt(): void;
        sound: { context: AudioContext };
      };
      calls.interrupt();
      return calls.sound.context.currentTime;
    });
    await untilPhase(browser.page, "listening");
    await browser.page.waitForTimeout(1200);

    const sounding = (await playback()).filter((news) => news.level > 0.0005);
    expect(sounding.length).toBeGreaterThan(5);
    expect(((sounding.at(-1)?.at ?? 0) - cutAt) * 1000).toBeLessThanOrEqual(60);
    const { turns } = await stateOf(browser.page);
    expect(turns[0]?.cut).toBe(true);
  });

  it("gives way when the caller speaks over what still plays", async () => {
    const hears = [
      { text: "你好", after_ms: 300 },
      { text: "等一下", partials: ["等", "等一"], after_ms: 2500 },
    ];
    await stack.script({
      ...QUICK,
      tone: { ms_per_char: 400 },
      hears,
      replies: [{ text: LONG }, { text: "怎么啦？" }],
    });
    await call();
    await until(
      browser.page,
      (state) => state.turns.length === 2 && state.turns.every((turn) => turn.over),
      40_000,
    );

    const { turns } = await stateOf(browser.page);
    expect(turns.map(({ heard, cut }) => ({ heard, cut }))).toEqual([
      { heard: "你好", cut: true },
      { heard: "等一下", cut: false },
    ]);
    expect(turns[0]?.playedMs).toBeLessThan(turns[0]?.soundMs ?? 0);
  });

  it("takes typed words, also while the friend speaks", async () => {
    await stack.script({
      ...QUICK,
      tone: { ms_per_char: 150 },
      hears: [],
      hears_always: null,
      replies: [{ text: LONG }, { text: "好呀！" }],
      speech_peak: 32767,
    });
    await call();
    await type("讲个故事吧");
    await untilPhase(browser.page, "speaking");
    await type("等一下，先别讲");
    await until(browser.page, (state) => state.turns.length === 2 && state.turns.every((turn) => turn.over));

    const { turns } = await stateOf(browser.page);
    expect(turns.map(({ heard, typed, cut }) => ({ heard, typed, cut }))).toEqual([
      { heard: "讲个故事吧", typed: true, cut: true },
      { heard: "等一下，先别讲", typed: true, cut: false },
    ]);
  });

  it("sends silence, and nothing but silence, while muted", async () => {
    await stack.script({ ...QUICK, speech_peak: 32767 });
    await call();
    const loudest = () =>
      browser.page.evaluate(() => {
        const calls = window.__call.calls as unknown as { said(pcm: Int16Array): void };
        const said = calls.said.bind(calls);
        return new Promise<number>((resolve) => {
          let peak = 0;
          let left = 40;
          calls.said = (pcm) => {
            said(pcm);
            peak = pcm.reduce((most, x) => Math.max(most, Math.abs(x)), peak);
            if (--left === 0) resolve(peak);
          };
        });
      });
    expect(await loudest()).toBeGreaterThan(500);
    await browser.page.keyboard.press("m");
    await browser.page.waitForTimeout(300);
    expect(await loudest()).toBe(0);
    expect(await browser.page.locator(".round").first().getAttribute("aria-pressed")).toBe("true");
  });

  it("goes on with another microphone when one is chosen in the middle", async () => {
    await stack.script({ ...QUICK, speech_peak: 32767 });
    await call();
    await browser.page.getByRole("button", { name: "Settings" }).click();
    const picker = browser.page.getByLabel("Microphone");
    await expect.poll(() => picker.locator("option").count()).toBeGreaterThan(1);
    await picker.selectOption({ index: 1 });
    await until(browser.page, (state) => state.notice?.what === "microphone-changed");
    const before = (await logOf(browser.page)).filter((line) => line.way === "up").at(-1);
    await expect
      .poll(async () => (await logOf(browser.page)).filter((line) => line.way === "up").at(-1)?.bytes)
      .toBeGreaterThan(before?.bytes ?? 0);
  });

  it("lets one type when the microphone is pulled out", async () => {
    await stack.script({ ...QUICK, replies: [{ text: "好呀！" }], speech_peak: 32767 });
    await call();
    await browser.page.evaluate(() => {
      navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("gone", "NotFoundError"));
      const calls = window.__call.calls as unknown as { sound: { ears: { unplugged(): void } } };
      calls.sound.ears.unplugged();
    });
    await browser.page.getByText("The microphone was unplugged").waitFor();
    await type("你还在吗？");
    await until(browser.page, (state) => state.turns.length === 1 && state.turns[0]?.over === true);
  });

  it("survives a failed answer and a failed voice, and says so", async () => {
    await stack.script({
      ...QUICK,
      hears: [],
      speech_peak: 32767,
      replies: [
        { text: "好呀！" },
        { text: "好呀！" },
        { text: "好呀！" },
        { text: "好呀！" },
        { text: "好呀！" },
      ],
      faults: [{ service: "chat", kind: "error", nth: null }],
    });
    await call();
    await type("你好");
    await browser.page.getByText("No answer came this time").waitFor();
    await until(browser.page, (state) => state.turns[0]?.over === true);
    await stack.script({
      ...QUICK,
      hears: [],
      speech_peak: 32767,
      replies_always: { text: "好呀，我没事！" },
      faults: [{ service: "tts", kind: "fail", nth: null }],
    });
    await type("你还好吗？");
    await browser.page.getByText("The voice failed this time").waitFor();
    await until(browser.page, (state) => state.turns.length === 2 && state.turns[1]?.over === true);
    const said = (await stateOf(browser.page)).turns[1]?.sentences.map(({ text }) => text).join("");
    expect(said).toBe("好呀，我没事！"); // no voice, but the answer is there to read
    expect(await browser.page.locator(".app").getAttribute("data-phase")).toBe("listening");
  });

  it("says so when it could not make out what was said, and listens on", async () => {
    await stack.script({
      ...QUICK,
      hears_always: { text: "你好", after_ms: 1500 },
      replies_always: { text: "你好呀！" },
      faults: [{ service: "asr", kind: "error", nth: null, at: "mid" }],
    });
    await call();
    await browser.page.getByText("I could not make out what you said").waitFor();
    // Always: the session under way was struck when it began, and would use up a single line.
    await stack.script({ ...QUICK, hears_always: { text: "你好", after_ms: 1500 } });
    await until(browser.page, (state) => state.turns.some((turn) => turn.heard === "你好" && turn.over));
  });

  it("takes the line up again after the server was killed: same conversation, and it works", async () => {
    await stack.script({
      ...QUICK,
      hears: [{ text: "你好", after_ms: 300 }],
      replies: [{ text: "你好呀！" }],
    });
    await call();
    await until(browser.page, (state) => state.turns[0]?.over === true);
    const { sid } = await stateOf(browser.page);
    await stack.stop("SIGKILL");
    await untilPhase(browser.page, "reconnecting");
    await stack.run();
    await untilPhase(browser.page, "listening", 40_000);
    await stack.script({ ...QUICK, speech_peak: 32767, replies_always: { text: "欢迎回来！" } });
    await type("我又来了");
    await until(browser.page, (state) => state.turns.some((turn) => turn.heard === "我又来了" && turn.over));

    const state = await stateOf(browser.page);
    expect(state.sid).toBe(sid);
    expect(state.turns.at(-1)?.sentences.map(({ text }) => text)).toEqual(["欢迎回来！"]);
  });

  it("keeps the conversation, and carries it on later", async () => {
    await stack.script({
      ...QUICK,
      hears: [{ text: "你好", after_ms: 300 }],
      replies: [{ text: "你好呀！" }],
    });
    await call();
    await until(browser.page, (state) => state.turns[0]?.over === true);
    const { sid } = await stateOf(browser.page);
    await browser.page.keyboard.press("Tab");
    await browser.page.getByRole("button", { name: "Hang up" }).click();
    await browser.page.reload();
    await browser.page.locator(".old-open").click();
    await untilPhase(browser.page, "listening");

    expect((await stateOf(browser.page)).sid).toBe(sid);
    expect(await browser.page.locator(".bubble").allInnerTexts()).toEqual([
      expect.stringContaining("你好"),
      expect.stringContaining("你好呀！"),
    ]);
  });
});

describe("a slow or a plain server", () => {
  it("loses none of the first words: what was said while connecting is sent when the line opens", async () => {
    await visit({
      before: `
        const Real = window.WebSocket;
        window.WebSocket = class extends Real {
          set onmessage(listener) {
            let first = true;
            super.onmessage = (event) => { setTimeout(() => listener.call(this, event), first ? 1200 : 0); first = false; };
          }
        };`,
    });
    await stack.script({ ...QUICK, speech_peak: 32767 });
    await call();
    const sent = (await logOf(browser.page)).filter((line) => line.way === "up" && line.name === "audio");
    expect(sent[0]?.frames).toBeGreaterThanOrEqual(10); // of 100 ms: all that was said in the last second
  });

  it("plays whole MP3 sentences, and counts turns itself, where the server grants no wishes", async () => {
    await visit({
      before: `
        const Real = window.WebSocket;
        window.WebSocket = class extends Real {
          constructor(address, protocols) { super(address.split("?")[0], protocols); }
        };`,
    });
    const hears = [
      { text: "你好", after_ms: 300 },
      { text: "再见", after_ms: 5000 },
    ];
    await stack.script({
      ...QUICK,
      hears,
      replies: [{ text: "你好呀！今天过得怎么样？" }, { text: "拜拜！" }],
    });
    await recordPlayback();
    await call();
    await until(
      browser.page,
      (state) => state.turns.length === 2 && state.turns.every((turn) => turn.over),
      40_000,
    );

    const { turns } = await stateOf(browser.page);
    expect(turns.map((turn) => turn.sentences.map(({ text }) => text))).toEqual([
      ["你好呀！", "今天过得怎么样？"],
      ["拜拜！"],
    ]);
    for (const { id, soundMs } of turns) {
      expect(soundMs).toBeGreaterThan(100);
      expect((await playback()).some(({ turn, level }) => turn === id && level > 0.05)).toBe(true);
    }
  });
});

describe("what a person meets when it does not work", () => {
  it("a denied microphone: a plain sentence, and typing as the way on", async () => {
    await visit({ microphone: null });
    await stack.script({ ...QUICK, replies: [{ text: "好呀，打字也行！" }] });
    await browser.page.locator(".round.go").click();
    await browser.page.getByText("The microphone is blocked").waitFor();
    await browser.page.getByRole("button", { name: "Type instead" }).click();
    await untilPhase(browser.page, "listening");
    await type("我没有麦克风");
    await until(browser.page, (state) => state.turns[0]?.over === true);
    expect((await stateOf(browser.page)).turns[0]?.sentences[0]?.text).toBe("好呀，打字也行！");
  });

  it("no microphone at all", async () => {
    await visit({
      before:
        "navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', 'NotFoundError'))",
    });
    await browser.page.locator(".round.go").click();
    await browser.page.getByText("No microphone found").waitFor();
  });

  it("an insecure origin", async () => {
    await visit({
      before:
        "Object.defineProperty(window, 'isSecureContext', { value: false }); Object.defineProperty(navigator, 'mediaDevices', { value: undefined })",
    });
    await browser.page.locator(".round.go").click();
    await browser.page.getByText("This address is not secure").waitFor();
  });

  it("a server that is not running", async () => {
    await visit();
    await browser.page.evaluate(() => {
      localStorage.setItem("live-voice-call.settings", JSON.stringify({ serverUrl: "ws://localhost:9/" }));
    });
    await browser.page.reload();
    await browser.page.locator(".round.go").click();
    await browser.page.getByText("Nobody picks up").waitFor();
  });
});
