/** Every state on both viewports, kept as pictures to look at. */

import { mkdirSync } from "node:fs";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Failure, Notice } from "../src/call/state";
import { type Browser, DESK, open, PHONE, sampled, until, untilPhase, type Wishes } from "./browser";
import { away, shut, through } from "./gate";
import { Stack } from "./stack";

const FOLDER = "artefacts";
let stack: Stack;

beforeAll(async () => {
  mkdirSync(FOLDER, { recursive: true });
  // a line that is lost has to last until its picture is taken
  stack = await Stack.start({ VAD: "off", RESUME_SECONDS: "60" });
});
afterAll(() => stack.stop());

const REPLY = "我呀，刚从图书馆溜出来，外面晚霞特别好看！你要不要下次一起去拍照？";
/** Said once, and answered slowly enough to be looked at. */
const SPOKEN = {
  hears: [
    {
      text: "你好，青青，你今天在干什么呀？",
      partials: ["你好，青青", "你好，青青，你今天", "你好，青青，你今天在干什么"],
      after_ms: 1500,
    },
  ],
  hears_always: null,
  replies_always: { text: REPLY },
  tone: { ms_per_char: 220 },
  timing: { first_token_ms: 30, token_ms: 20, tts_first_byte_ms: 100 },
};

async function picture(page: Page, name: string): Promise<void> {
  await page.waitForTimeout(350); // let the movements of arrival end
  await page.screenshot({ path: `${FOLDER}/${name}.png` });
  expect(await overflow(page), `${name} overflows`).toEqual([]);
}

/** Elements that stick out of the window sideways, unless something that scrolls or clips holds them. */
function overflow(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const out: string[] = [];
    for (const each of document.querySelectorAll(
      "button, p, h1, h2, input, .pill, .bubble, .disc, select, label",
    )) {
      const box = each.getBoundingClientRect();
      const hidden =
        box.width === 0 ||
        each.closest(".unseen, .log, .latency") ||
        each.matches(".friend input, .voice input");
      if (hidden) continue;
      if (box.left < -1 || box.right > window.innerWidth + 1) out.push(each.className || each.tagName);
    }
    return out;
  });
}

/** Their causes are tried elsewhere; here it is how they look. */
const NOTICES: readonly Notice[] = ["recognition-failed", "answer-failed", "voice-failed", "microphone-gone"];
const FAILURES: readonly Failure[] = [
  "microphone-missing",
  "microphone-busy",
  "insecure",
  "unsupported",
  "page-outdated",
  "token-refused",
  "busy",
  "network-lost",
  "idle",
];

const VIEWS: readonly [string, Wishes][] = [
  ["phone", { viewport: PHONE, locale: "zh-CN", scale: 2 }],
  ["desk", { viewport: DESK, locale: "zh-CN" }],
  ["phone-dark", { viewport: PHONE, locale: "en-GB", dark: true, scale: 2 }],
  ["desk-dark", { viewport: DESK, locale: "en-GB", dark: true }],
];

it.each(VIEWS.slice(0, 2))("on the %s: a microphone that is denied", async (view, wishes) => {
  const browser = await open(stack.url, { ...wishes, microphone: null });
  await browser.page.locator(".face svg").waitFor();
  await browser.page.locator(".round.go").click();
  await browser.page.locator(".failure").waitFor();
  await picture(browser.page, `${view}-16-microphone-denied`);
  await browser.close();
});

describe.each(sampled(VIEWS, [0, 3]))("on the %s", (view, wishes) => {
  let browser: Browser;
  let page: Page;
  const shoot = (state: string) => picture(page, `${view}-${state}`);

  beforeAll(async () => {
    browser = await open(stack.url, wishes);
    page = browser.page;
  });
  afterAll(async () => {
    await browser.close();
    await stack.quiet();
  });

  it("home", async () => {
    await page.locator(".face svg").waitFor();
    await shoot("1-home");
  });

  it("a call through all its states", async () => {
    await page.reload(); // a second try begins from home, too
    await stack.script(SPOKEN);
    await shut(page);
    await page.locator(".round.go").click();
    await untilPhase(page, "connecting");
    await shoot("2-connecting");
    await through(page, "SentencePartial");
    await untilPhase(page, "listening");
    await until(page, (state) => state.partial !== "");
    await shoot("3-listening");
    await through(page, "SentenceRecognized");
    await untilPhase(page, "thinking");
    await shoot("4-thinking");
    await away(page);
    await untilPhase(page, "speaking");
    await page.waitForTimeout(900); // some of it has been said
    await shoot("5-speaking");
    await page.locator(".round").nth(0).click();
    await until(page, (state) => state.turns.at(-1)?.over === true);
    await untilPhase(page, "listening");
    await shoot("6-muted");
    await page.locator(".round").nth(1).click();
    await page.locator(".round").nth(4).click();
    await shoot("7-keyboard-and-volume");
    await page.locator(".round").nth(1).click();
    await page.locator(".round").nth(4).click();
  });

  it("the developer drawer", async () => {
    await page.keyboard.press("`");
    await page.locator(".log-line").first().waitFor();
    await shoot("8-events");
    await page.getByRole("tab").nth(1).click();
    await page.locator(".chart").waitFor();
    await shoot("9-latency");
    await page.keyboard.press("`");
  });

  it("settings and conversation", async () => {
    await page.locator(".top .small").last().click();
    await page.locator(".voice").first().waitFor();
    await shoot("10-settings");
    await page.locator(".sheet-body").evaluate((body) => body.scrollTo(0, 9999));
    await shoot("11-settings-end");
    await page.keyboard.press("Escape");
    if (wishes.viewport === PHONE) {
      await page.locator(".top .small").first().click();
      await page.locator(".bubble").first().waitFor();
      await shoot("12-conversation");
      await page.keyboard.press("Escape");
    }
  });

  it("ended, and a line that is lost", async () => {
    await page.locator(".round.stop").click();
    await untilPhase(page, "ended");
    await shoot("13-ended");
    await page.locator(".round.go").click();
    await untilPhase(page, "listening");
    await stack.stop("SIGKILL");
    await untilPhase(page, "reconnecting");
    await page.waitForTimeout(1200);
    await shoot("14-reconnecting");
    await page.locator(".round.stop").click();
    await page.locator(".round.quiet").first().click();
    await page.locator(".round.go").click();
    await page.locator(".failure").waitFor();
    await shoot("15-nobody-picks-up");
    await page.locator(".round.quiet").first().click();
    await stack.run();
    await page.locator(".failure").waitFor({ state: "detached" });
  });

  it("earlier conversations", async () => {
    if (wishes.viewport === PHONE) await page.locator(".top .small").first().click();
    await page.locator(".old").first().waitFor();
    await shoot("17-earlier");
    if (wishes.viewport === PHONE) await page.keyboard.press("Escape");
  });

  it("what went wrong in a call that goes on", async () => {
    await stack.script({
      hears: [],
      hears_always: null,
      speech_peak: 32767,
      replies_always: { text: REPLY },
    });
    await page.locator(".round.go").click();
    await untilPhase(page, "listening");
    for (const what of NOTICES) {
      await page.evaluate((what) => {
        window.__call.calls.store.dispatch({ type: "notice", what, at: Date.now() });
      }, what);
      await shoot(`18-${what}`);
    }
  });

  it("why a call ended, or did not begin", async () => {
    for (const failure of FAILURES) {
      await page.evaluate((failure) => {
        window.__call.calls.store.dispatch({ type: "failed", failure, at: Date.now() });
      }, failure);
      await page.locator(".failure").waitFor();
      await shoot(`19-${failure}`);
    }
  });
});
