/** Voices: chosen, tried, made faster and louder, and cloned from a recording. */

import { mkdirSync, readFileSync } from "node:fs";
import type { Page } from "playwright-core";
import { beforeAll, expect, it } from "vitest";
import { DESK, PHONE } from "./browser";
import { call, scene, type, untilOver } from "./scene";

const AXE = readFileSync("node_modules/axe-core/axe.min.js", "utf-8");

/** DashScope's voices, as the emulator has them. */
const here = scene({
  ASR_PROVIDER: "emulator",
  LLM_PROVIDER: "emulator",
  TTS_PROVIDER: "dashscope",
  DASHSCOPE_API_KEY: "sk-test",
  DASHSCOPE_WS_URL: "ws://127.0.0.1:{emulator}/api-ws/v1/inference",
  DASHSCOPE_API_URL: "http://127.0.0.1:{emulator}/api/v1",
  PUBLIC_URL: "http://localhost:{web}",
});
beforeAll(() => mkdirSync("artefacts", { recursive: true }));

interface Spoken {
  voice: string;
  rate: number;
  volume: number;
}

/** How the service was asked to speak, time after time. */
async function spoken(): Promise<Spoken[]> {
  const stats = await (await fetch(`http://127.0.0.1:${here.stack.ports.emulator}/admin/stats`)).json();
  const { requests } = (stats as { tts: { requests: { json: { parameters: Spoken } }[] } }).tts;
  return requests.map(({ json: { parameters } }) => parameters);
}

/** Nothing serious for axe, nothing that sticks out, and a picture to look at. */
async function looksWell(page: Page, name: string): Promise<void> {
  await page.waitForTimeout(400);
  await page.screenshot({ path: `artefacts/${name}.png` });
  await page.evaluate(AXE);
  const found = (await page.evaluate("axe.run(document)")) as {
    violations: { id: string; impact: string; nodes: { html: string }[] }[];
  };
  const serious = found.violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  expect(serious.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`)).toEqual([]);
  const wide = await page.evaluate(() =>
    [...document.querySelectorAll(".settings *")]
      .filter(
        (each) => !each.matches("input[type=radio]") && !each.closest("summary + *:not(:first-of-type)"),
      )
      .filter((each) => each.getBoundingClientRect().right > window.innerWidth + 1)
      .map((each) => each.outerHTML.slice(0, 80)),
  );
  expect(wide).toEqual([]);
}

it("a voice is chosen, tried, and made faster and louder from the next reply on, all by keyboard", async () => {
  const { page } = await here.visit({ viewport: DESK, locale: "en-GB" });
  await call(page);
  await page.getByRole("button", { name: "Mute" }).click(); // words are typed here
  await page.getByRole("button", { name: "Settings" }).click();
  await page.getByText(/^\d+ more voices$/).press("Enter");
  const heard = page.waitForResponse((response) => response.url().endsWith("/sample"));
  await page.getByRole("button", { name: "Listen to this voice: Long Wan", exact: true }).press("Enter");
  expect((await heard).headers()["content-type"]).toBe("audio/mpeg");
  await page.getByRole("radio", { name: "Long Wan", exact: true }).press("Space");
  const speed = page.getByRole("slider", { name: "Speed" });
  expect(await speed.inputValue()).toBe("1.05");
  await speed.press("ArrowRight");
  await page.getByRole("slider", { name: "Loudness" }).press("End");
  await page.getByText("1.10×").waitFor();
  await looksWell(page, "desk-voices");
  await page.keyboard.press("Escape");
  await type(page, "你好");
  await untilOver(page, 1);
  expect((await spoken()).at(-1)).toMatchObject({ voice: "longwan_v2", rate: 1.1, volume: 100 });

  await page.getByRole("button", { name: "Settings" }).click();
  await page.getByRole("button", { name: "Speak as usual again" }).press("Enter");
  await page.keyboard.press("Escape");
  await type(page, "再见");
  await untilOver(page, 2);
  expect((await spoken()).at(-1)).toMatchObject({ voice: "longwan_v2", rate: 1.05, volume: 50 });
});

it("a voice is cloned from a recording, with consent, then spoken with, then deleted", async () => {
  const { page } = await here.visit({ viewport: PHONE, locale: "zh-CN" });
  await page.getByRole("button", { name: "设置" }).click();
  await page.getByText("克隆一个声音…").click();
  await page.getByLabel("名字").fill("小明");
  const make = page.getByRole("button", { name: "生成声音" });
  await page.getByRole("button", { name: "录音" }).click();
  await page.getByRole("button", { name: /^停止（5/ }).click();
  await page.locator(".clone-form audio").waitFor();
  expect(await make.isDisabled()).toBe(true);
  await page.getByLabel(/主人已经同意/).check();
  await make.scrollIntoViewIfNeeded();
  await looksWell(page, "phone-clone");
  await make.click();
  await page.getByText("可以用了").waitFor();
  await page.locator(".voice", { hasText: "小明" }).locator("label").click();
  await page.locator(".clones").scrollIntoViewIfNeeded();
  await page.screenshot({ path: "artefacts/phone-cloned.png" });
  await page.keyboard.press("Escape");
  await call(page);
  await page.getByRole("button", { name: "静音" }).click();
  await type(page, "你好");
  await untilOver(page, 1);
  expect((await spoken()).at(-1)?.voice).toMatch(/^cosyvoice-v2-lvc/);

  await page.locator(".round.stop").click();
  await page.getByRole("button", { name: "设置" }).click();
  await page.getByText("克隆一个声音…").click();
  await page.getByRole("button", { name: "删除这个声音: 小明" }).click();
  await page.getByRole("button", { name: "确认删除: 小明" }).click();
  await page.locator(".clone").waitFor({ state: "detached" });
});
