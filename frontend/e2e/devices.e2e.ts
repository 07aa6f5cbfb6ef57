/** Microphones and speakers that are chosen, missing, busy, pulled out and plugged in. */

import type { Page } from "playwright-core";
import { expect, it } from "vitest";
import { logOf, stateOf, until, untilPhase } from "./browser";
import { call, record, scene, sounding, type, untilOver } from "./scene";

const here = scene();

async function settings(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Settings" }).click();
  await page.locator(".settings").waitFor();
}

/** Choose the device after the system's own; its id. */
async function choose(page: Page, label: string): Promise<string> {
  const picker = page.getByRole("combobox", { name: label });
  await expect.poll(() => picker.locator("option").count(), { timeout: 20_000 }).toBeGreaterThan(1);
  await picker.selectOption({ index: 1 });
  return picker.inputValue();
}

const sink = (page: Page) => page.evaluate(() => window.__call.calls.sound?.context.sinkId);
const sentBytes = async (page: Page) => {
  const lines = (await logOf(page)).filter(({ way, name }) => way === "up" && name === "audio");
  return lines.reduce((sum, { bytes }) => sum + bytes, 0);
};

it("the call goes on with another microphone when one is chosen in the middle", async () => {
  const { page } = await here.visit();
  await call(page);
  await settings(page);
  const id = await choose(page, "Microphone");
  await until(page, (state) => state.notice?.what === "microphone-changed");
  const before = await sentBytes(page);
  await expect.poll(() => sentBytes(page), { timeout: 20_000 }).toBeGreaterThan(before);
  const used = await page.evaluate(() => {
    const { sound } = window.__call.calls as unknown as { sound: { microphone: { label: string } } };
    return sound.microphone.label;
  });
  expect(used).toBe("Fake Audio Input 1");
  expect(id).not.toBe("");
});

it("the friend's voice moves to another speaker when one is chosen, and back when that one is pulled out", async () => {
  const { page } = await here.visit();
  await record(page);
  await call(page);
  await settings(page);
  const id = await choose(page, "Speaker");
  await expect.poll(() => sink(page)).toBe(id);
  await page.keyboard.press("Escape");
  await type(page, "你好");
  await untilOver(page, 1);
  expect((await sounding(page)).length).toBeGreaterThan(2);

  await page.evaluate((gone) => {
    const { enumerateDevices } = navigator.mediaDevices;
    navigator.mediaDevices.enumerateDevices = async () =>
      (await enumerateDevices.call(navigator.mediaDevices)).filter(({ deviceId }) => deviceId !== gone);
    navigator.mediaDevices.dispatchEvent(new Event("devicechange"));
  }, id);
  await expect.poll(() => sink(page)).toBe("");
  await settings(page);
  expect(await page.getByRole("combobox", { name: "Speaker" }).inputValue()).toBe("");
});

it("a speaker that refuses is named as the trouble, and the call goes on", async () => {
  const { page } = await here.visit({
    before: "AudioContext.prototype.setSinkId = () => Promise.reject(new DOMException('', 'NotFoundError'))",
  });
  await call(page);
  await settings(page);
  await choose(page, "Speaker");
  await until(page, ({ notice }) => notice?.what === "speaker-failed");
  await expect.poll(() => page.getByRole("combobox", { name: "Speaker" }).inputValue()).toBe(""); // the one that is heard
  await page.keyboard.press("Escape");
  await type(page, "你好");
  await untilOver(page, 1);
});

it("where the browser cannot choose a speaker, it says so, and the call is heard all the same", async () => {
  const { page, complaints } = await here.visit({
    before: "delete AudioContext.prototype.setSinkId",
    settings: { speaker: "chosen-in-another-browser" },
  });
  await record(page);
  await settings(page);
  await page.getByText("This browser lets the system choose the speaker").waitFor();
  expect(await page.getByRole("combobox", { name: "Speaker" }).count()).toBe(0);
  await page.keyboard.press("Escape");
  await call(page);
  await type(page, "你好");
  await untilOver(page, 1);
  expect((await sounding(page)).length).toBeGreaterThan(2);
  expect(complaints).toEqual([]);
});

it("a chosen microphone that is not there gives way to any other", async () => {
  const { page } = await here.visit({ settings: { microphone: "left-at-the-office" } });
  await call(page);
  await expect.poll(() => sentBytes(page), { timeout: 20_000 }).toBeGreaterThan(0);
});

it.each([
  ["NotFoundError", "No microphone found"],
  ["NotReadableError", "The microphone is busy"],
])("a microphone that answers %s: a plain sentence, and typing as the way on", async (name, sentence) => {
  const { page } = await here.visit({
    before: `navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("", "${name}"))`,
  });
  await page.locator(".round.go").click();
  await page.getByRole("alert").getByText(sentence).waitFor();
  await page.getByRole("button", { name: "Type instead" }).click();
  await untilPhase(page, "listening");
  await type(page, "你好");
  await untilOver(page, 1);
});

it("a denied microphone: a plain sentence, and typing as the way on", async () => {
  const { page } = await here.visit({ microphone: null });
  await page.locator(".round.go").click();
  await page.getByRole("alert").getByText("The microphone is blocked").waitFor();
  await page.getByRole("button", { name: "Type instead" }).click();
  await untilPhase(page, "listening");
  await type(page, "我没有麦克风");
  await untilOver(page, 1);
  expect((await stateOf(page)).turns[0]?.sentences[0]?.text).toBe("好呀！");
});

it("a microphone pulled out in the middle: the call goes on in writing, until there is one again", async () => {
  const { page } = await here.visit();
  await call(page);
  await page.evaluate(() => {
    const { mediaDevices } = navigator;
    const ask = mediaDevices.getUserMedia;
    mediaDevices.getUserMedia = () => Promise.reject(new DOMException("gone", "NotFoundError"));
    Object.assign(window, { plugIn: () => Object.assign(mediaDevices, { getUserMedia: ask }) });
    const { sound } = window.__call.calls as unknown as { sound: { ears: { unplugged(): void } } };
    sound.ears.unplugged();
  });
  await page.getByText("The microphone was unplugged").waitFor();
  await type(page, "你还在吗？");
  await untilOver(page, 1);

  await page.evaluate(() => (window as unknown as { plugIn(): void }).plugIn());
  await settings(page);
  await choose(page, "Microphone");
  await until(page, ({ micless }) => !micless);
  await page.keyboard.press("Escape");
  await here.hears("现在听得到吗？");
  await until(page, ({ turns }) => turns[1]?.heard === "现在听得到吗？");
});

it("quick frames: the caller's voice goes out every 20 ms instead of every 100", async () => {
  const { page } = await here.visit();
  await call(page);
  const sizes = async () => {
    const lines = (await logOf(page)).filter(({ way, name }) => way === "up" && name === "audio");
    return [...new Set(lines.map(({ bytes, frames }) => bytes / frames))];
  };
  await expect.poll(sizes, { timeout: 20_000 }).toEqual([8 + 3200]);
  await page.getByRole("button", { name: "Hang up" }).click();
  await settings(page);
  await page.getByLabel("Quick frames").click();
  await page.keyboard.press("Escape");
  await page.evaluate(() => window.__call.log.dispatch("clear"));
  await call(page);
  await expect.poll(sizes, { timeout: 20_000 }).toEqual([8 + 640]);
  await here.hears("你好");
  await untilOver(page, 1);
});

it("a page that has lost a part of itself in a deployment says so, asks for no microphone, and loads again", async () => {
  const { page } = await here.visit();
  await page.locator(".face svg").waitFor();
  await page.evaluate(() => {
    AudioWorklet.prototype.addModule = () => Promise.reject(new DOMException("404", "AbortError"));
    const { getUserMedia } = navigator.mediaDevices;
    navigator.mediaDevices.getUserMedia = (wishes) => {
      document.title = "asked";
      return getUserMedia.call(navigator.mediaDevices, wishes);
    };
  });
  await page.locator(".round.go").click();
  await page.locator(".failure").getByText("This page is out of date").waitFor();
  expect(await page.title()).not.toBe("asked");
  await Promise.all([page.waitForEvent("load"), page.getByRole("button", { name: "Load again" }).click()]);
  await call(page);
});

it("the microphone is asked for without echo, noise, or a level that wanders", async () => {
  const { page } = await here.visit({
    before: `
      const ask = navigator.mediaDevices.getUserMedia;
      navigator.mediaDevices.getUserMedia = (wishes) => {
        window.wishes = wishes;
        return ask.call(navigator.mediaDevices, wishes);
      };`,
  });
  await call(page);
  expect(await page.evaluate(() => (window as unknown as { wishes: unknown }).wishes)).toEqual({
    audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 },
  });
});

it("the volume is the speaker's, now and at the next call", async () => {
  const { page } = await here.visit();
  const gain = () =>
    page.evaluate(() => {
      const { sound } = window.__call.calls as unknown as { sound: { speaker: { gain: GainNode } } };
      return sound.speaker.gain.gain.value;
    });
  await call(page);
  await expect.poll(gain).toBeCloseTo(1);
  await page.getByRole("button", { name: "Volume" }).click();
  await page.getByRole("slider", { name: "Volume" }).fill("0");
  await expect.poll(gain).toBeCloseTo(0);
  await page.getByRole("button", { name: "Hang up" }).click();
  await call(page);
  await expect.poll(gain).toBeCloseTo(0);
});
