/** A real Chromium with a fake microphone, and what a test may ask of the page. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type BrowserContext, chromium, type Page } from "playwright-core";
import type { CallState, Phase } from "../src/call/state";
import type { LogLine } from "../src/shell/log";

export const PHONE = { width: 390, height: 844 };
export const DESK = { width: 1440, height: 900 };

const FLAGS = [
  "--headless=new",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--use-fake-device-for-media-stream",
];

export interface Wishes {
  viewport?: { width: number; height: number };
  /** A file of `tests/data`, which the microphone plays over and over; null: a microphone is refused. */
  microphone?: string | null;
  locale?: string;
  dark?: boolean;
  stillness?: boolean;
  scale?: number;
  /** Run before the page's own code. */
  before?: string;
}

export interface Browser {
  context: BrowserContext;
  page: Page;
  /** What went wrong in the page: errors, refused resources, policy violations. */
  complaints: string[];
  /** Every address the page asked for. */
  requests: string[];
  close(): Promise<void>;
}

export async function open(address: string, wishes: Wishes = {}): Promise<Browser> {
  const profile = mkdtempSync(join(tmpdir(), "call-page-"));
  const microphone = wishes.microphone === undefined ? "zh_call.wav" : wishes.microphone;
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    headless: false, // the flags ask for the new headless mode
    args: [...FLAGS, ...microphoneFlags(microphone)],
    viewport: wishes.viewport ?? DESK,
    deviceScaleFactor: wishes.scale ?? 1,
    locale: wishes.locale ?? "en-GB",
    colorScheme: wishes.dark ? "dark" : "light",
    reducedMotion: wishes.stillness ? "reduce" : "no-preference",
    acceptDownloads: true,
  });
  if (wishes.before) await context.addInitScript(wishes.before);
  const page = context.pages()[0] ?? (await context.newPage());
  const browser = listen(context, page, profile);
  await page.goto(`${address}?probe=1`);
  return browser;
}

function microphoneFlags(file: string | null): string[] {
  if (file === null) return ["--use-fake-ui-for-media-stream=deny"];
  const path = fileURLToPath(new URL(`../../tests/data/${file}`, import.meta.url));
  return ["--use-fake-ui-for-media-stream", `--use-file-for-fake-audio-capture=${path}`];
}

function listen(context: BrowserContext, page: Page, profile: string): Browser {
  const complaints: string[] = [];
  const requests: string[] = [];
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(message.text());
  });
  page.on("request", (request) => requests.push(request.url()));
  page.on("websocket", (socket) => requests.push(socket.url()));
  const close = async () => {
    await context.close();
    rmSync(profile, { recursive: true, force: true, maxRetries: 3 });
  };
  return { context, page, complaints, requests, close };
}

interface Probe {
  calls: {
    store: { get(): CallState };
    levels: {
      caller: number;
      friend: number;
      played: { turn: number; level: number; playedMs: number; underruns: number } | null;
    };
  };
  log: { get(): readonly LogLine[] };
}

declare global {
  interface Window {
    __call: Probe;
  }
}

export function stateOf(page: Page): Promise<CallState> {
  return page.evaluate(() => window.__call.calls.store.get());
}

export function phaseOf(page: Page): Promise<string | null> {
  return page.locator(".app").getAttribute("data-phase");
}

export async function untilPhase(page: Page, phase: Phase, timeout = 20_000): Promise<void> {
  await page.locator(`.app[data-phase="${phase}"]`).waitFor({ timeout });
}

/** Wait until the call's state is as `wanted` says. */
export async function until(
  page: Page,
  wanted: (state: CallState) => boolean,
  timeout = 20_000,
): Promise<void> {
  const deadline = Date.now() + timeout;
  for (;;) {
    const state = await stateOf(page);
    if (wanted(state)) return;
    if (Date.now() > deadline) throw new Error(`still not so: ${wanted}\n${JSON.stringify(state, null, 1)}`);
    await page.waitForTimeout(40);
  }
}

export function logOf(page: Page): Promise<readonly LogLine[]> {
  return page.evaluate(() => window.__call.log.get());
}
