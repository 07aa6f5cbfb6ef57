/** What a person meets when it does not work: a plain sentence, and a way on. */

import { describe, expect, it } from "vitest";
import { stateOf, until, untilPhase } from "./browser";
import { call, QUIET, scene, type, untilOver } from "./scene";

describe("in a call", () => {
  const here = scene();

  it("a failed answer and a failed voice are told, and the call goes on", async () => {
    const { page } = await here.visit();
    await call(page);
    const replies_always = { text: "好呀，我没事！" };
    await here.stack.script({
      ...QUIET,
      replies_always,
      faults: [{ service: "chat", kind: "error", nth: null }],
    });
    await type(page, "你好");
    await page.getByText("No answer came this time").waitFor();
    await untilOver(page, 1);
    await here.stack.script({
      ...QUIET,
      replies_always,
      faults: [{ service: "tts", kind: "fail", nth: null }],
    });
    await type(page, "你还好吗？");
    await page.getByText("The voice failed this time").waitFor();
    await untilOver(page, 2);
    const said = (await stateOf(page)).turns[1]?.sentences.map(({ text }) => text).join("");
    expect(said).toBe("好呀，我没事！"); // no voice, but the answer is there to read
    await untilPhase(page, "listening");
  });

  it("words that could not be made out are told, and it listens on", async () => {
    const { page } = await here.visit();
    // Always: a session that the fault has struck would use up a single line.
    const hears = { ...QUIET, hears_always: { text: "你好", after_ms: 1500 } };
    await here.stack.script({ ...hears, faults: [{ service: "asr", kind: "error", nth: null, at: "mid" }] });
    await call(page);
    await page.getByText("I could not make out what you said").waitFor();
    await here.stack.script(hears);
    await until(page, ({ turns }) => turns.some(({ heard }) => heard === "你好"));
  });
});

describe("the line", () => {
  const here = scene();

  it("is taken up again after the server was killed: same conversation, and it works", async () => {
    const { page } = await here.visit();
    await call(page);
    await here.hears("你好", { reply: "你好呀！" });
    await untilOver(page, 1);
    const { sid } = await stateOf(page);
    await here.stack.stop("SIGKILL");
    await untilPhase(page, "reconnecting");
    await page.getByText(/Line lost, attempt \d/).waitFor();
    await here.stack.run();
    await untilPhase(page, "listening", 120_000);
    await here.stack.script({ ...QUIET, replies_always: { text: "欢迎回来！" } });
    await type(page, "我又来了");
    await until(page, ({ turns }) => turns.some(({ heard, over }) => heard === "我又来了" && over));

    const state = await stateOf(page);
    expect(state.sid).toBe(sid);
    expect(state.turns.at(-1)?.sentences.map(({ text }) => text)).toEqual(["欢迎回来！"]);
  });

  it("is given up after the last attempt, and can be carried on when the server is back", async () => {
    const { page } = await here.visit({ before: IN_A_HURRY });
    await call(page);
    await here.hears("你好", { reply: "你好呀！" });
    await untilOver(page, 1);
    const { sid } = await stateOf(page);
    await page.evaluate(() => Object.assign(window, { hurry: true }));
    await here.stack.stop("SIGKILL");
    await page.getByRole("alert").getByText("The connection was lost").waitFor({ timeout: 60_000 });
    expect((await stateOf(page)).attempt).toBe(10);
    await page.evaluate(() => Object.assign(window, { hurry: false }));
    await here.stack.run();
    await page.getByRole("button", { name: "Carry on" }).click();
    await untilPhase(page, "listening");
    expect((await stateOf(page)).sid).toBe(sid);
    expect(await page.locator(".bubble").allInnerTexts()).toHaveLength(2);
  });

  it("comes back at once when the network does, without waiting for the next attempt", async () => {
    const { page } = await here.visit({ before: IN_A_HURRY });
    await call(page);
    await page.evaluate(() => Object.assign(window, { never: true }));
    await here.stack.stop("SIGKILL");
    await untilPhase(page, "reconnecting");
    await here.stack.run();
    await page.evaluate(() => window.dispatchEvent(new Event("online")));
    await untilPhase(page, "listening");
  });

  it("is never opened where no server runs", async () => {
    const { page } = await here.visit({ settings: { serverUrl: "ws://localhost:9/" } });
    await page.locator(".round.go").click();
    await page.getByRole("alert").getByText("Nobody picks up").waitFor();
    await page.getByRole("button", { name: "Open settings" }).click();
    await page.getByLabel("Server address").fill("http://localhost");
    await page.getByText("This is not a ws:// or wss:// address").waitFor();
    await page.getByLabel("Server address").fill("");
    await page.keyboard.press("Escape");
    await call(page);
  });

  it("is not opened to a server that the page may not call, and says so", async () => {
    const { page, complaints } = await here.visit({
      settings: { serverUrl: "ws://elsewhere.example:8888/" },
    });
    await page.locator(".round.go").click();
    await page.getByRole("alert").getByText("This page may not call there").waitFor();
    await page.getByRole("button", { name: "Open settings" }).click();
    await page.getByText("unless its server names it in ALLOWED_CALL_SERVERS").waitFor();
    expect(complaints).toEqual([]); // it was not even tried
  });

  it("is not given to an insecure origin, which may type", async () => {
    const { page } = await here.visit({
      before: `Object.defineProperty(window, "isSecureContext", { value: false });
        Object.defineProperty(navigator, "mediaDevices", { value: undefined });`,
    });
    await page.locator(".round.go").click();
    await page.getByRole("alert").getByText("This address is not secure").waitFor();
  });
});

/** While `hurry` is set, waits for attempts are short; while `never`, they do not end. */
const IN_A_HURRY = `
  const set = window.setTimeout;
  window.setTimeout = (what, ms, ...rest) => {
    const waiting = ms > 200 && ms < 10000;
    if (waiting && window.never) return 0;
    return set(what, waiting && window.hurry ? ms / 20 : ms, ...rest);
  };`;

describe("silence", () => {
  const here = scene({ VOICE_CALL_IDLE_TIMEOUT: "3" });

  it("ends the call, which says so, and can be carried on", async () => {
    const { page } = await here.visit();
    await call(page);
    const { sid } = await stateOf(page);
    await page.keyboard.press("m");
    await page.getByRole("alert").getByText("It went quiet").waitFor();
    await page.getByRole("button", { name: "Carry on" }).click();
    await untilPhase(page, "listening");
    expect((await stateOf(page)).sid).toBe(sid);
  });
});
