/** A server that asks for a token and has one line: what the page says to those who are not let in. */

import { afterAll, afterEach, beforeAll, it } from "vitest";
import { type Browser, open, until, untilPhase } from "./browser";
import { Stack } from "./stack";

const TOKEN = "open sesame/+?";

let stack: Stack;
let browsers: Browser[] = [];

beforeAll(async () => {
  stack = await Stack.start({ ACCESS_TOKEN: TOKEN, MAX_CALLS: "1" });
  await stack.script({ speech_peak: 32767 });
});
afterAll(() => stack.stop());
afterEach(async () => {
  for (const browser of browsers) await browser.close();
  browsers = [];
});

async function visitor(token: string): Promise<Browser> {
  const settings = JSON.stringify(JSON.stringify({ token }));
  const browser = await open(stack.url, { before: `localStorage["live-voice-call.settings"] = ${settings}` });
  browsers.push(browser);
  await browser.page.locator(".round.go").click();
  return browser;
}

it("a wrong token is refused, with a way to enter the right one", async () => {
  const { page } = await visitor("wrong");
  await page.getByText("The access token was refused").waitFor();
  await page.getByRole("button", { name: "Open settings" }).click();
  await page.getByLabel("Access token").fill(TOKEN);
  await page.keyboard.press("Escape");
  await page.locator(".round.go").click();
  await untilPhase(page, "listening");
});

it("when all lines are taken it says so, and the next try works once one is free", async () => {
  const first = await visitor(TOKEN);
  await untilPhase(first.page, "listening");
  const second = await visitor(TOKEN);
  await second.page.getByText("The line is busy").waitFor();
  await first.page.locator(".round.stop").click();
  await until(second.page, (state) => state.failure === "busy");
  await first.page.waitForTimeout(500); // the server sees the line close
  await second.page.locator(".round.go").click();
  await untilPhase(second.page, "listening");
});
