/** Whole calls in a real Chromium, over the real server, on the scripted emulator. */

import { describe, expect, it } from "vitest";
import { logOf, stateOf, until, untilPhase } from "./browser";
import { call, LONG, QUIET, record, scene, sounding, type, untilOver } from "./scene";

const here = scene();

describe("a call", () => {
  it("goes on for ten turns, each heard, answered and played to its end", async () => {
    const { page } = await here.visit();
    await record(page);
    await call(page);
    const said = Array.from({ length: 10 }, (_, i) => [`第${i + 1}句话。`, `好的，我听到第${i + 1}句了。`]);
    for (const [i, [text, reply]] of said.entries()) {
      await here.hears(text as string, { reply: reply as string });
      await untilOver(page, i + 1);
    }

    const { turns } = await stateOf(page);
    expect(turns.map((turn) => [turn.heard, turn.sentences.map(({ text }) => text).join("")])).toEqual(said);
    const heard = await sounding(page);
    for (const turn of turns) {
      expect(turn.cut).toBe(false);
      expect(turn.soundMs).toBeGreaterThan(200);
      expect(turn.metrics?.first_audio).toBeGreaterThan(0);
      expect(heard.some(({ turn: id, level }) => id === turn.id && level > 0.05)).toBe(true);
    }
  });

  it("says where it plays, up to the whole of the turn", async () => {
    const { page } = await here.visit();
    await call(page);
    await here.hears("你好", { reply: LONG, script: { tone: { ms_per_char: 80 } } });
    await until(page, (state) => state.turns[0]?.over === true);

    const positions = (await logOf(page))
      .filter((line) => line.name === "PlaybackPosition")
      .map((line) => JSON.parse(line.detail) as { turn: number; played_ms: number });
    const { turns } = await stateOf(page);
    expect(positions.length).toBeGreaterThan(3);
    expect(positions.every(({ turn }) => turn === 1)).toBe(true);
    expect(positions.map((each) => each.played_ms)).toEqual(
      positions.map((each) => each.played_ms).sort((a, b) => a - b),
    );
    expect(positions.at(-1)?.played_ms).toBeCloseTo(turns[0]?.soundMs ?? 0, -2);
  });

  it("lights the words up one after another as they are heard, and all of them by the end", async () => {
    const { page } = await here.visit();
    await call(page);
    // One sentence, so that its words stay on the screen from the first to the last.
    const reply = "今天的晚霞特别好看下次我们一起去拍照吧";
    await here.hears("你好", { reply, script: { tone: { ms_per_char: 250 } } });
    await page.locator(".word").first().waitFor();
    const lit: number[] = [];
    for (;;) {
      const { over, words, bright } = await page.evaluate(() => ({
        over: window.__call.calls.store.get().turns[0]?.over,
        words: document.querySelectorAll(".word").length,
        bright: document.querySelectorAll(".word.lit").length,
      }));
      if (bright !== lit.at(-1)) lit.push(bright);
      if (over && bright === words) break;
      await page.waitForTimeout(40);
    }
    expect(lit).toEqual([...lit].sort((a, b) => a - b));
    expect(lit[0]).toBeLessThan(reply.length / 2);
    expect(lit.length).toBeGreaterThan(5);
    expect(lit.at(-1)).toBe(reply.length);
  });

  it("takes typed words, also while the friend speaks", async () => {
    const { page } = await here.visit();
    await here.stack.script({
      ...QUIET,
      tone: { ms_per_char: 250 },
      replies: [{ text: LONG }],
      replies_always: { text: "好呀！" },
    });
    await call(page);
    await type(page, "讲个故事吧");
    await untilPhase(page, "speaking");
    await type(page, "等一下，先别讲");
    await untilOver(page, 2);

    const { turns } = await stateOf(page);
    expect(turns.map(({ heard, typed, cut }) => ({ heard, typed, cut }))).toEqual([
      { heard: "讲个故事吧", typed: true, cut: true },
      { heard: "等一下，先别讲", typed: true, cut: false },
    ]);
  });

  it("sends silence, and nothing but silence, while muted", async () => {
    const { page } = await here.visit();
    await call(page);
    const loudest = () =>
      page.evaluate(() => {
        const { calls } = window.__call;
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
    await page.keyboard.press("m");
    await until(page, ({ muted }) => muted);
    await page.waitForTimeout(500); // what was on its way is through
    expect(await loudest()).toBe(0);
    expect(await page.getByRole("button", { name: "Unmute" }).getAttribute("aria-pressed")).toBe("true");
  });

  it("hides the captions when asked to", async () => {
    const { page } = await here.visit();
    await call(page);
    await type(page, "你好");
    await page.locator(".caption-friend").waitFor();
    await page.getByRole("button", { name: "Captions" }).click();
    await page.locator(".captions").waitFor({ state: "detached" });
    await page.keyboard.press("Escape");
    await page.locator(".round.stop").focus();
    await page.keyboard.press("c");
    await page.locator(".caption-friend").waitFor();
  });

  it("keeps the conversation, and carries it on later", async () => {
    const { page } = await here.visit();
    await call(page);
    await here.hears("你好", { reply: "你好呀！" });
    await until(page, (state) => state.turns[0]?.over === true);
    const { sid } = await stateOf(page);
    await page.getByRole("button", { name: "Hang up" }).click();
    await untilPhase(page, "ended");
    await page.reload();
    await page.locator(".old-open").click();
    await untilPhase(page, "listening");

    expect((await stateOf(page)).sid).toBe(sid);
    expect(await page.locator(".bubble").allInnerTexts()).toEqual([
      expect.stringContaining("你好"),
      expect.stringContaining("你好呀！"),
    ]);
  });
});

describe("a slow or a plain server", () => {
  it("loses none of the first words: what was said while connecting is sent when the line opens", async () => {
    const { page } = await here.visit({
      before: `
        const Real = window.WebSocket;
        window.WebSocket = class extends Real {
          set onmessage(listener) {
            let first = true;
            super.onmessage = (event) => { setTimeout(() => listener.call(this, event), first ? 2500 : 0); first = false; };
          }
        };`,
    });
    await page.evaluate(() => {
      // The newest second and a half, as they were captured, and how many of them had been sent when the line opened.
      const { calls } = window.__call;
      const captured: number[][] = [];
      const said = calls.said.bind(calls);
      calls.said = (pcm) => {
        if (calls.store.get().line === "dialling") captured.push([...pcm]);
        said(pcm);
      };
      const sent: number[][] = [];
      const send = WebSocket.prototype.send;
      WebSocket.prototype.send = function (data) {
        const bytes = data as Uint8Array<ArrayBuffer>;
        if (bytes[1] === 0x20) sent.push([...new Int16Array(bytes.slice(8).buffer)]);
        send.call(this, data);
      };
      Object.assign(window, { captured, sent });
    });
    await call(page);
    const { captured, sent } = await page.evaluate(() => {
      const { captured, sent } = window as unknown as Record<"captured" | "sent", number[][]>;
      return { captured, sent };
    });
    expect(captured.length).toBeGreaterThanOrEqual(15);
    expect(sent.slice(0, 15)).toEqual(captured.slice(-15));
  });

  it("plays whole MP3 sentences, and counts turns itself, where the server grants no wishes", async () => {
    const { page } = await here.visit({
      before: `
        const Real = window.WebSocket;
        window.WebSocket = class extends Real {
          constructor(address, protocols) { super(address.split("?")[0], protocols); }
        };`,
    });
    await record(page);
    await call(page);
    const said = [
      { text: "你好", reply: ["你好呀！", "今天过得怎么样？"] },
      { text: "再见", reply: ["拜拜！"] },
    ];
    for (const [i, { text, reply }] of said.entries()) {
      await here.hears(text, { reply: reply.join(""), script: { tone: { ms_per_char: 120 } } });
      await untilOver(page, i + 1);
    }

    const { turns } = await stateOf(page);
    expect(turns.map((turn) => turn.sentences.map(({ text }) => text))).toEqual(
      said.map(({ reply }) => reply),
    );
    const heard = await sounding(page);
    for (const { id, soundMs } of turns) {
      expect(soundMs).toBeGreaterThan(100);
      expect(heard.some(({ turn, level }) => turn === id && level > 0.05)).toBe(true);
    }
  });
});
