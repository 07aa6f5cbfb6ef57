/** The page itself: accessibility, policy, size, keyboard, installation, and that nothing leaves the house. */

import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import type { Page } from "playwright-core";
import { beforeEach, describe, expect, it } from "vitest";
import type { Failure, Notice } from "../src/call/state";
import { DESK, logOf, PHONE, sampled, stateOf, until, untilPhase } from "./browser";
import { away, shut, through } from "./gate";
import { call, QUIET, scene, type, untilOver } from "./scene";

const AXE = readFileSync("node_modules/axe-core/axe.min.js", "utf-8");
const BUNDLE_BYTES = 60 * 1024;
const REPLY = { text: "好呀，我们周末一起去拍照吧！你想去哪里？" };

const here = scene();
beforeEach(() => {
  mkdirSync("artefacts", { recursive: true });
  return here.stack.script({ ...QUIET, tone: { ms_per_char: 60 }, replies_always: REPLY });
});

interface Violation {
  id: string;
  impact: string;
  nodes: { html: string }[];
}

/** What axe finds serious or critical in the page as it stands. */
async function seriousViolations(page: Page): Promise<string[]> {
  await page.waitForTimeout(400); // what slides in has arrived
  await page.evaluate(AXE);
  const { violations } = (await page.evaluate("axe.run(document)")) as { violations: Violation[] };
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(" | ")}`);
}

const SCENES = [
  ["phone", { viewport: PHONE, locale: "zh-CN" }],
  ["desk", { viewport: DESK, locale: "en-GB" }],
  ["phone, dark", { viewport: PHONE, locale: "en-GB", dark: true }],
  ["desk, dark", { viewport: DESK, locale: "zh-CN", dark: true }],
] as const;

describe.each(sampled(SCENES, [1, 2]))("on the %s", (_, wishes) => {
  it("axe finds nothing serious, in the page, the call, the sheets and the drawer", async () => {
    const { page } = await here.visit(wishes);
    await page.locator(".face svg").waitFor();
    const found: Record<string, string[]> = {};
    const look = async (scene: string) => {
      found[scene] = await seriousViolations(page);
    };
    await look("home");
    await call(page);
    await look("listening");
    await page.keyboard.press("t");
    await page.locator(".typing input").fill("你好");
    await page.keyboard.press("Enter");
    await untilOver(page, 1);
    await look("talked");
    await page.locator(".top .small").last().click();
    await page.locator(".voice").first().waitFor();
    await look("settings");
    await page.keyboard.press("Escape");
    if (wishes.viewport === PHONE) {
      await page.locator(".top .small").first().click();
      await look("conversation");
      await page.keyboard.press("Escape");
    }
    await page.locator(".round.stop").focus();
    await page.keyboard.press("`");
    await look("events");
    await page.getByRole("tab").nth(1).click();
    await look("latency");
    await page.keyboard.press("`");
    await page.locator(".round.stop").click();
    await untilPhase(page, "ended");
    await look("ended");
    for (const [scene, violations] of Object.entries(found)) expect(violations, scene).toEqual([]);
  });

  it("nor in what is shown when something fails, while it thinks, speaks, is muted or has lost the line", async () => {
    const { page, complaints } = await here.visit(wishes);
    await page.locator(".face svg").waitFor();
    const found: Record<string, string[]> = {};
    await shut(page);
    await page.locator(".round.go").click();
    await through(page, "BotReady");
    await untilPhase(page, "listening");
    await here.hears("你在干什么呀？", { reply: REPLY.text, script: { tone: { ms_per_char: 300 } } });
    await through(page, "SentenceRecognized");
    await untilPhase(page, "thinking");
    found.thinking = await seriousViolations(page);
    await away(page);
    await untilPhase(page, "speaking");
    found.speaking = await seriousViolations(page);
    await page.keyboard.press("m");
    for (const what of NOTICES) {
      await page.evaluate((what) => {
        window.__call.calls.store.dispatch({ type: "notice", what, at: 0 });
      }, what);
      found[what] = await seriousViolations(page);
    }
    await page.evaluate(() => window.__call.calls.store.dispatch({ type: "lost", attempt: 3 }));
    found.lost = await seriousViolations(page);
    for (const failure of FAILURES) {
      await page.evaluate((failure) => {
        window.__call.calls.store.dispatch({ type: "failed", failure, at: Date.now() });
      }, failure);
      await page.locator(".failure").waitFor();
      found[failure] = await seriousViolations(page);
    }
    for (const [scene, violations] of Object.entries(found)) expect(violations, scene).toEqual([]);
    expect(complaints).toEqual([]);
  });
});

const NOTICES: readonly Notice[] = ["recognition-failed", "microphone-gone"];
const FAILURES: readonly Failure[] = ["microphone-denied", "server-down", "network-lost", "idle"];

/** What axe cannot judge, because it stands on a gradient: each colour of words on each ground it may meet. */
describe.each([false, true])("in the dark: %s", (dark) => {
  it.each(["乔青青", "Sam Whitlock"])("the words around %s are easy to read", async (name) => {
    const { page } = await here.visit({ dark });
    await page.locator(".face svg").waitFor();
    await page.getByRole("button", { name: "Settings" }).click();
    await page.locator(".persona", { hasText: name }).click();
    await expect.poll(() => page.locator("h1").innerText()).toBe(name);
    await page.waitForTimeout(500);
    const grounds = ["--top", "--bottom"];
    const papers = ["--paper", "--paper-2"];
    const pairs = [
      ...[...grounds, ...papers].flatMap(
        (on) =>
          [
            ["--ink", on, 7],
            ["--ink-soft", on, 4.5],
          ] as const,
      ),
      ...grounds.map((on) => ["--unlit", on, 3] as const), // large and bold
      ...papers.map((on) => ["--accent-ink", on, 4.5] as const),
    ];
    const poor = [];
    for (const [words, ground, least] of pairs) {
      const ratio = await contrast(page, words, ground);
      if (ratio < least) poor.push(`${words} on ${ground}: ${ratio.toFixed(2)} of ${least}`);
    }
    expect(poor).toEqual([]);
  });
});

/** As WCAG defines it, of two of the page's colours. */
function contrast(page: Page, words: string, ground: string): Promise<number> {
  return page.evaluate(
    ([a, b]) => {
      const luminance = (name: string) => {
        const probe = document.createElement("span");
        probe.style.color = `var(${name})`;
        document.body.append(probe);
        const paper = new OffscreenCanvas(1, 1).getContext("2d") as OffscreenCanvasRenderingContext2D;
        paper.fillStyle = getComputedStyle(probe).color;
        paper.fillRect(0, 0, 1, 1);
        probe.remove();
        const [r, g, b] = [...paper.getImageData(0, 0, 1, 1).data].map((value) => {
          const share = value / 255;
          return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
        }) as [number, number, number];
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
      };
      const [x, y] = [luminance(a as string), luminance(b as string)];
      return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
    },
    [words, ground],
  );
}

const SIZES = [
  [320, 568],
  [360, 640],
  [390, 844],
  [430, 932],
  [844, 390],
  [768, 1024],
  [1000, 700],
  [1440, 900],
  [1920, 1080],
] as const;

it("fits windows of every size: nothing sticks out, and every button is on the screen", async () => {
  const { page } = await here.visit();
  const check = async (scene: string, sizes: readonly (readonly [number, number])[] = SIZES) => {
    for (const [width, height] of sizes) {
      await page.setViewportSize({ width, height });
      await page.waitForTimeout(150);
      await page.screenshot({ path: `artefacts/size-${width}x${height}-${scene}.png` });
      expect(await outside(page), `${scene} at ${width} x ${height}`).toEqual([]);
      expect(await covered(page), `${scene} at ${width} x ${height}`).toEqual([]);
    }
  };
  await page.locator(".face svg").waitFor();
  await check("home");
  await call(page);
  await type(page, "你好");
  await untilOver(page, 1);
  await page.getByRole("button", { name: "Volume" }).click();
  await page.evaluate(() => {
    window.__call.calls.store.dispatch({ type: "notice", what: "microphone-gone", at: 0 });
  });
  await check("call");
  await page.evaluate(() => {
    const { store } = window.__call.calls;
    const heard = { sentence: "W".repeat(60) };
    const reply = { sentence: `https://example.com/${"abcdefghij".repeat(4)}` };
    store.dispatch({ type: "notice", what: null, at: 0 });
    store.dispatch({
      type: "server",
      event: { event: "SentenceRecognized", payload: heard },
      turn: 50,
      at: 1,
    });
    store.dispatch({ type: "server", event: { event: "TTSSentenceStart", payload: reply }, turn: 50, at: 2 });
  });
  await check("long words", SIZES.slice(0, 3));
});

const SHORT = [
  [320, 568],
  [390, 450],
  [667, 375],
  [844, 390],
] as const;

it("in short windows everything that can be pressed can be scrolled to", async () => {
  const { page } = await here.visit();
  await page.locator(".face svg").waitFor();
  const check = async (scene: string) => {
    for (const [width, height] of SHORT) {
      await page.setViewportSize({ width, height });
      await page.mouse.move(width / 2, height / 2);
      const missed: string[][] = [];
      for (const way of [-2000, -2000, 2000]) {
        await page.mouse.wheel(0, way);
        await page.waitForTimeout(150);
        missed.push(await outside(page, ".stage button, .stage input"));
      }
      const never = missed.reduce((all, some) => all.filter((each) => some.includes(each)));
      expect(never, `${scene} at ${width} x ${height}`).toEqual([]);
    }
  };
  for (const failure of ["token-refused", "page-outdated", "not-allowed"] as const) {
    await page.evaluate((failure) => {
      window.__call.calls.store.dispatch({ type: "failed", failure, at: 1 });
    }, failure);
    await check(failure);
  }
  await page.setViewportSize(DESK);
  await page.getByRole("button", { name: "Back" }).click();
  await call(page);
  await page.getByRole("button", { name: "Type", exact: true }).click();
  await page.getByRole("button", { name: "Volume" }).click();
  await check("call");
});

/** What a notice lies on, or what lies on it. */
function covered(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const notice = document.querySelector(".notice")?.getBoundingClientRect();
    if (!notice) return [];
    return [
      ...document.querySelectorAll(".stage button, .stage h1, .pill, .timer, .typing, .volume, .captions p"),
    ]
      .filter((each) => {
        const { left, right, top, bottom, width } = each.getBoundingClientRect();
        const beside =
          right <= notice.left || left >= notice.right || bottom <= notice.top || top >= notice.bottom;
        return width > 0 && !beside;
      })
      .map((each) => each.className || each.tagName);
  });
}

/** What of the stage is not wholly in the window. */
function outside(page: Page, selector = OF_THE_STAGE): Promise<string[]> {
  return page.evaluate((selector) => {
    const { innerWidth, innerHeight } = window;
    return [...document.querySelectorAll(selector)]
      .filter((each) => {
        const { left, right, top, bottom, width } = each.getBoundingClientRect();
        return width > 0 && (left < -1 || top < -1 || right > innerWidth + 1 || bottom > innerHeight + 1);
      })
      .map((each) => `${each.className || each.tagName} ${each.textContent}`.trim());
  }, selector);
}

const OF_THE_STAGE =
  ".stage button, .stage h1, .pill, .timer, .typing, .volume, .caption-caller, .caption-friend";

it("speaks the language of the browser, or the one that was chosen", async () => {
  const { page } = await here.visit({ locale: "zh-CN" });
  await page.getByRole("button", { name: "打电话" }).waitFor();
  await page.getByRole("button", { name: "设置" }).click();
  await page.getByLabel("界面语言").selectOption("en");
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Call", exact: true }).waitFor();
  await expect.poll(() => page.locator("html").getAttribute("lang")).toBe("en");
});

it("calls another friend: name, portrait, colours and voices change with the choice", async () => {
  const { page, requests } = await here.visit();
  await page.locator(".face svg").waitFor();
  const sky = () => page.evaluate(() => document.documentElement.style.getPropertyValue("--sky"));
  const before = await sky();
  await page.getByRole("button", { name: "Settings" }).click();
  await page.locator(".persona", { hasText: "Sam Whitlock" }).click();
  await expect.poll(() => page.locator("h1").innerText()).toBe("Sam Whitlock");
  await expect.poll(sky).not.toBe(before);
  await page.locator(".voice").first().waitFor();
  const sample = page.waitForResponse((response) => response.url().includes("/sample"));
  await page.locator(".sample").first().click();
  expect((await sample).headers()["content-type"]).toBe("audio/mpeg");
  await page.locator(".voices").first().locator("label").last().click();
  await page.keyboard.press("Escape");
  await page.screenshot({ path: "artefacts/desk-sam.png" });
  await call(page);
  const asked = requests.find((address) => address.startsWith("ws:")) ?? "";
  expect(new URL(asked).searchParams.get("persona")).toBe("sam_whitlock");
  const told = (await logOf(page)).find((line) => line.name === "BotUpdateConfig");
  expect(JSON.parse(told?.detail ?? "{}")).toHaveProperty("speaker");
  await page.setViewportSize(PHONE);
  await page.waitForTimeout(400);
  await page.screenshot({ path: "artefacts/phone-sam.png" });
});

it.each([
  [false, "breathes"],
  [true, "keeps still, for those who asked for less motion"],
])("with less motion asked for: %s, the portrait %s", async (stillness) => {
  const { page } = await here.visit({ stillness });
  await page.locator(".face svg").waitFor();
  const posture = () =>
    page.evaluate(() =>
      [...document.querySelectorAll(".face [transform]")].map((each) => each.outerHTML).join(),
    );
  await page.waitForTimeout(1500); // it has taken its place
  const seen = new Set<string>();
  for (let i = 0; i < 8; i++) {
    seen.add(await posture());
    await page.waitForTimeout(150);
  }
  if (stillness) expect(seen.size).toBe(1);
  else expect(seen.size).toBeGreaterThan(2);
});

it("can be used with the keyboard alone", async () => {
  await here.stack.script({ ...QUIET, tone: { ms_per_char: 300 }, replies_always: REPLY });
  const { page } = await here.visit();
  await page.locator(".face svg").waitFor();
  await focusOn(page, "Call");
  await page.keyboard.press("Enter");
  await untilPhase(page, "listening");
  expect(await focused(page)).toBe("Mute"); // the button that was pressed is gone: one goes on in its place
  await page.keyboard.press("m");
  await until(page, (state) => state.muted);
  await page.keyboard.press("t");
  await focusOn(page, "Say something to 乔青青…");
  await page.keyboard.type("m t c"); // letters typed into the field are no shortcuts
  await page.keyboard.press("Enter");
  await untilPhase(page, "speaking");
  await focusOn(page, "Mute");
  await page.keyboard.press("Escape");
  await untilPhase(page, "listening");
  await focusOn(page, "Hang up");
  await page.keyboard.press("Space");
  await untilPhase(page, "ended");
  expect(await focused(page)).toBe("Back");
  expect((await stateOf(page)).turns[0]?.heard).toBe("m t c");
});

/** The name of what has the focus. */
function focused(page: Page): Promise<string> {
  return page.evaluate(() => {
    const { activeElement } = document;
    return activeElement?.getAttribute("aria-label") ?? activeElement?.textContent ?? "";
  });
}

/** Tab until the element with this name has the focus. */
async function focusOn(page: Page, name: string): Promise<void> {
  for (let i = 0; i < 40; i++) {
    await page.keyboard.press("Tab");
    const now = await focused(page);
    if (now === name || (name === "Mute" && now === "Unmute")) return;
  }
  throw new Error(`no way to ${name} by the Tab key`);
}

it("asks nobody but its own server, breaks no rule of its policy, and makes no error", async () => {
  const { page, requests, complaints } = await here.visit();
  await call(page);
  await type(page, "你好");
  await untilOver(page, 1);
  const { ports } = here.stack;
  const own = new RegExp(`^(blob:)?(http://localhost:${ports.web}|ws://localhost:${ports.call})/`);
  expect(requests.filter((address) => !own.test(address))).toEqual([]);
  expect(complaints).toEqual([]);
});

it("is served under a policy that allows nothing inline and nothing foreign", async () => {
  const answer = await fetch(here.stack.url);
  const policy = answer.headers.get("content-security-policy") ?? "";
  expect(policy).toContain("script-src 'self'");
  expect(policy).not.toMatch(/unsafe-inline|unsafe-eval/);
  expect(policy).toMatch(/connect-src 'self'( wss?:\/\/(localhost|127\.0\.0\.1):\*)+;/);
  const html = await answer.text();
  expect(html).not.toMatch(/<script(?![^>]*\bsrc=)|<style|\son\w+=|\sstyle=/);
});

it("is small: all its JavaScript stays under 60 KB as it travels", async () => {
  const files = ["dist/sw.js", ...readdirSync("dist/assets").map((file) => `dist/assets/${file}`)];
  const bytes = files
    .filter((file) => file.endsWith(".js"))
    .reduce((sum, file) => sum + gzipSync(readFileSync(file)).length, 0);
  expect(bytes).toBeLessThanOrEqual(BUNDLE_BYTES);
});

it("can be installed, and opens without its server to say that nobody picks up", async () => {
  const { page } = await here.visit();
  const manifest = (await (await fetch(`${here.stack.url}manifest.webmanifest`)).json()) as {
    icons: { src: string }[];
    display: string;
  };
  expect(manifest.display).toBe("standalone");
  for (const { src } of manifest.icons) expect((await fetch(new URL(src, here.stack.url))).status).toBe(200);

  await page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
  await page.reload(); // the portrait passes the worker once, and is kept
  await page.locator(".face svg").waitFor();
  await here.stack.stop();
  await page.reload();
  await page.getByText("Nobody picks up").waitFor();
  await page.locator(".face svg").waitFor();
  expect(await page.locator("h1").innerText()).toBe("乔青青");
  await here.stack.run();
  await page.getByText("Nobody picks up").waitFor({ state: "detached" });
});
