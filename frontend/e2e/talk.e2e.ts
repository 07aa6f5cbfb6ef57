/** What is kept of a call: the transcript, as text and as JSON, and the developer's view of its frames and times. */

import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { PHONE, stateOf } from "./browser";
import { call, scene, type, untilOver } from "./scene";

const here = scene();
const AS_TEXT = /^\[\d\d:\d\d:\d\d\] You: 你好\n\[\d\d:\d\d:\d\d\] 乔青青: 好呀！\n$/;

async function talked(wishes = {}) {
  const browser = await here.visit(wishes);
  await call(browser.page);
  await type(browser.page, "你好");
  await untilOver(browser.page, 1);
  return browser;
}

it("what was said can be saved as text and as JSON, and cleared", async () => {
  const { page } = await talked();
  const saved = async (name: string) => {
    const coming = page.waitForEvent("download");
    await page.getByRole("button", { name }).click();
    const download = await coming;
    return [download.suggestedFilename(), readFileSync((await download.path()) ?? "", "utf-8")] as const;
  };
  const [textName, text] = await saved("Download: Text");
  expect(textName).toBe("conversation.txt");
  expect(text).toMatch(AS_TEXT);
  const [jsonName, json] = await saved("Download: JSON");
  expect(jsonName).toBe("conversation.json");
  const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  expect(JSON.parse(json)).toEqual({
    session: (await stateOf(page)).sid,
    persona: "qiao_qingqing",
    lines: [
      { who: "caller", text: "你好", at: time },
      { who: "friend", text: "好呀！", at: time },
    ],
  });
  await page.getByRole("button", { name: "Clear" }).click();
  await page.getByText("Nothing said yet").waitFor();
  await page.getByRole("button", { name: "Hang up" }).click();
  const kept = () => page.evaluate(() => localStorage.getItem("live-voice-call.conversations"));
  expect(await kept()).toBe("[]");
});

it("what was said can be copied, and the button says that it was", async () => {
  const { page, context } = await talked();
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await page.getByRole("button", { name: "Copy" }).click();
  await page.getByRole("button", { name: "Copied" }).waitFor();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toMatch(AS_TEXT);
  await page.getByRole("button", { name: "Copy" }).waitFor();
});

it("it can be copied on a phone from the sheet, also where the browser hides the clipboard", async () => {
  const { page, context, complaints } = await talked({
    viewport: PHONE,
    before: `
      window.clip = navigator.clipboard;
      Object.defineProperty(navigator, "clipboard", { value: undefined });`,
  });
  await page.getByRole("button", { name: "Conversation" }).click();
  await page.getByRole("button", { name: "Copy" }).click();
  await page.getByRole("button", { name: "Copied" }).waitFor();
  await context.grantPermissions(["clipboard-read"]);
  const read = () => page.evaluate(() => (window as unknown as { clip: Clipboard }).clip.readText());
  expect(await read()).toMatch(AS_TEXT);
  expect(complaints).toEqual([]);
});

it("earlier conversations can be forgotten one by one", async () => {
  const { page } = await talked();
  await page.getByRole("button", { name: "Hang up" }).click();
  await page.getByRole("button", { name: "Back" }).click();
  expect(await page.locator(".old").count()).toBe(1);
  const forget = () => page.getByRole("button", { name: "Forget this conversation" }).click();
  await page.route("**/api/conversations/*", (route) => route.fulfill({ status: 503 }));
  await forget();
  await page.getByText("The server could not delete it now").waitFor();
  await page.unroute("**/api/conversations/*");
  const deleted = page.waitForResponse((answer) => answer.request().method() === "DELETE");
  await forget();
  expect((await deleted).status()).toBe(204);
  await expect.poll(() => page.locator(".old").count()).toBe(0);
  await page.reload();
  await page.locator(".face svg").waitFor();
  expect(await page.locator(".old").count()).toBe(0);
});

it("developers see every frame, filtered or held, and where a turn's time went", async () => {
  const { page } = await here.visit();
  await call(page);
  await page.getByRole("button", { name: "Developer tools" }).click();
  await page.getByLabel("Filter events").fill("botready");
  await expect.poll(() => page.locator(".log-line").count()).toBe(1);
  expect(await page.locator(".log-line .log-detail").innerText()).toContain("session");
  await page.getByLabel("Filter events").fill("");
  await page.getByRole("button", { name: "Pause" }).click();
  const held = await page.locator(".log-line").last().innerText();
  await type(page, "你好");
  await untilOver(page, 1);
  expect(await page.locator(".log-line").last().innerText()).toBe(held);
  await page.getByRole("button", { name: "Go on" }).click();
  await expect.poll(() => page.locator(".log-line", { hasText: "TurnMetrics" }).count()).toBe(1);
  await page.getByRole("tab", { name: "Latency" }).click();
  const stages = await page.locator(".bar-name").allInnerTexts();
  expect(stages).toEqual(
    expect.arrayContaining(["First word", "First voice", "Page's buffer", "Sound device"]),
  );
  expect(await page.locator(".chart figcaption").innerText()).toMatch(/voice to voice \d+ ms/);
});
