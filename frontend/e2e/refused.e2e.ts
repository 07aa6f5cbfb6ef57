/** A server that asks for a token and has one line: what the page says to those who are not let in. */

import { expect, it } from "vitest";
import { stateOf, untilPhase } from "./browser";
import { scene } from "./scene";

const TOKEN = "open sesame/+? and once more";
const here = scene({ ACCESS_TOKEN: TOKEN, MAX_CALLS: "1" });

async function caller(token: string) {
  const { page } = await here.visit({ settings: { token } });
  await page.locator(".round.go").click();
  return page;
}

it.each(["wrong", ""])("the token %j is refused, with a way to enter the right one", async (token) => {
  const page = await caller(token);
  await page.getByRole("alert").getByText("The access token was refused").waitFor();
  await page.getByLabel("Your token").fill(TOKEN);
  await page.keyboard.press("Enter");
  await untilPhase(page, "listening");
});

it("a token in the address's fragment is taken, and stays in this tab alone", async () => {
  const { page, requests } = await here.visit();
  await page.goto(`${here.stack.url}?probe=1#token=${encodeURIComponent(TOKEN)}`);
  await page.reload(); // a new fragment alone loads nothing
  await page.locator(".round.go").click();
  await untilPhase(page, "listening");
  expect(page.url()).not.toContain("token");
  expect(requests.filter((each) => each.includes("sesame"))).toEqual([]);
  const kept = await page.evaluate(() => JSON.stringify({ ...localStorage }));
  expect(kept).not.toContain("sesame");
  await page.reload();
  await page.locator(".round.go").click();
  await untilPhase(page, "listening");
});

it("when all lines are taken it says so, and the next try works once one is free", async () => {
  const first = await caller(TOKEN);
  await untilPhase(first, "listening");
  const second = await caller(TOKEN);
  await second.getByRole("alert").getByText("The line is busy").waitFor();
  expect((await stateOf(second)).failure).toBe("busy");
  await first.locator(".round.stop").click();
  await untilPhase(first, "ended");
  await here.stack.quiet(); // the server has seen the line close
  await second.locator(".round.go").click();
  await untilPhase(second, "listening");
});
