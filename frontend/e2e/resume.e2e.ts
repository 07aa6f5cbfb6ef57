/** The network breaks in the middle of a reply: the page comes back by itself, and not a syllable is missing or comes twice. */

import type { Page } from "playwright-core";
import { afterEach, describe, expect, it } from "vitest";
import { stateOf, until, untilPhase } from "./browser";
import { Cuttable } from "./cuttable";
import { call, QUIET, scene, type, untilOver } from "./scene";

const RESUME_S = 5;
const REPLY = "我先说第一句话。然后再慢慢说第二句话。最后还有第三句话要告诉你。";
const SLOW = {
  ...QUIET,
  tone: { ms_per_char: 120 },
  replies_always: { text: REPLY },
};

let way: Cuttable;
afterEach(() => way.close());

describe("a call whose network breaks", () => {
  const here = scene({ RESUME_SECONDS: `${RESUME_S}` });

  async function inACall() {
    way = await Cuttable.to(here.stack.ports.call);
    const { page } = await here.visit({ settings: { serverUrl: way.url } });
    await call(page);
    return page;
  }

  async function inAReply() {
    const page = await inACall();
    await here.stack.script(SLOW);
    await type(page, "讲讲你今天");
    await untilPhase(page, "speaking");
    return page;
  }

  it("goes on with the reply where it was", async () => {
    const page = await inAReply();
    for (let cuts = 0; cuts < 2; cuts++) {
      way.cut();
      await untilPhase(page, "reconnecting");
      await page.getByText(/Line lost, attempt \d/).waitFor();
      way.mend();
      await until(page, ({ line }) => line === "open");
    }
    await until(page, ({ turns }) => turns[0]?.over === true);
    const { turns, notice } = await stateOf(page);
    expect(turns).toMatchObject([{ heard: "讲讲你今天", cut: false, sent: true }]);
    expect(turns[0]?.sentences.map(({ text }) => text).join("")).toBe(REPLY);
    expect(turns[0]?.playedMs).toBeGreaterThan(0.95 * (turns[0]?.soundMs ?? 0));
    expect(notice).toBeNull();
    await untilPhase(page, "listening");
    await type(page, "再讲一遍");
    await untilOver(page, 2);
    const [cut, whole] = (await stateOf(page)).turns;
    expect(cut?.soundMs).toBe(whole?.soundMs);
  });

  it("stops a reply that was cut off while the line was lost; and says where it goes on when it was taken up", async () => {
    const page = await inAReply();
    way.cut();
    await untilPhase(page, "reconnecting");
    await page.evaluate(() => (document.activeElement as HTMLElement).blur());
    await page.keyboard.press("Escape");
    way.mend();
    await untilPhase(page, "listening");
    await until(page, ({ turns }) => turns[0]?.sent === true);
    const { sid, turns } = await stateOf(page);
    expect(turns).toMatchObject([{ cut: true }]);
    await takeUp(page, `${way.url}?sid=${sid}`);
    await page.getByRole("alert").getByText("You carried on elsewhere").waitFor();
    await page.getByRole("button", { name: "Carry on" }).click();
    await untilPhase(page, "listening");
    expect((await stateOf(page)).sid).toBe(sid);
  });

  it("notices that its line is dead, and says once what was typed into it", async () => {
    const page = await inACall();
    way.freeze();
    await type(page, "你听得见吗");
    await page.evaluate(() => window.dispatchEvent(new Event("online")));
    await untilOver(page, 1);
    expect((await stateOf(page)).turns).toMatchObject([{ heard: "你听得见吗", typed: true, cut: false }]);
  });

  it("is given up when the server waits no longer, with a way on", async () => {
    const page = await inACall();
    const { sid } = await stateOf(page);
    const began = Date.now();
    way.cut();
    await page.getByRole("alert").getByText("The connection was lost").waitFor();
    expect(Date.now() - began).toBeGreaterThan(0.95 * 1000 * RESUME_S);
    way.mend();
    await page.getByRole("button", { name: "Carry on" }).click();
    await untilPhase(page, "listening");
    expect((await stateOf(page)).sid).toBe(sid);
  });
});

/** Another connection of this conversation, told BotReady; it lives as long as the page. */
function takeUp(page: Page, address: string): Promise<void> {
  return page.evaluate(
    (url) =>
      new Promise<void>((resolve) => {
        const socket = new WebSocket(url);
        socket.onmessage = () => resolve();
        Object.assign(window, { elsewhere: socket });
      }),
    address,
  );
}
