/** A real Chromium with a fake microphone, and what a test may ask of the page. */

import { fileURLToPath } from "node:url";
import { type BrowserContext, type Browser as Chromium, chromium, type Page } from "playwright-core";
import { afterAll } from "vitest";
import type { CallEvent } from "../src/call/reduce";
import { type CallState, type Phase, phaseOf } from "../src/call/state";
import type { LogLine } from "../src/shell/log";
import type { Settings } from "../src/shell/settings";

/** How long a loaded machine may take for anything. */
const PATIENCE_MS = 60_000;

export const PHONE = { width: 390, height: 844 };
export const DESK = { width: 1440, height: 900 };

/** Two of the four combinations of window and colours, which between them have both of each; all for `make looks`. */
export function sampled<T>(all: readonly T[], places: readonly number[]): T[] {
  return process.env.E2E_ALL ? [...all] : all.filter((_, place) => places.includes(place));
}

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
  /** What the person chose at an earlier visit. */
  settings?: Partial<Settings>;
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
  const microphone = wishes.microphone === undefined ? "zh_call.wav" : wishes.microphone;
  const context = await (await chromiumWith(microphone)).newContext({
    viewport: wishes.viewport ?? DESK,
    deviceScaleFactor: wishes.scale ?? 1,
    locale: wishes.locale ?? "en-GB",
    colorScheme: wishes.dark ? "dark" : "light",
    reducedMotion: wishes.stillness ? "reduce" : "no-preference",
    acceptDownloads: true,
  });
  context.setDefaultTimeout(PATIENCE_MS);
  if (wishes.settings) await context.addInitScript(keep, JSON.stringify(wishes.settings));
  if (wishes.before) await context.addInitScript(wishes.before);
  const page = await context.newPage();
  const browser = listen(context, page);
  await page.goto(`${address}?probe=1`);
  return browser;
}

const running = new Map<string | null, Promise<Chromium>>();
afterAll(async () => {
  const left = [...running.values()];
  running.clear();
  for (const chromium of left) await (await chromium).close();
});

/** One Chromium for a file's tests with the same microphone, as starting one costs seconds; visits share nothing. */
function chromiumWith(microphone: string | null): Promise<Chromium> {
  const started = running.get(microphone) ?? launch(microphone);
  running.set(microphone, started);
  return started;
}

function launch(microphone: string | null): Promise<Chromium> {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    headless: false, // the flags ask for the new headless mode
    args: [...FLAGS, ...microphoneFlags(microphone)],
  });
}

function keep(settings: string): void {
  const { token, ...choices } = JSON.parse(settings) as Partial<Settings>;
  localStorage.setItem("live-voice-call.settings", JSON.stringify(choices));
  if (token !== undefined) sessionStorage.setItem("live-voice-call.token", token);
}

function microphoneFlags(file: string | null): string[] {
  if (file === null) return ["--use-fake-ui-for-media-stream=deny"];
  const path = fileURLToPath(new URL(`../../tests/data/${file}`, import.meta.url));
  return ["--use-fake-ui-for-media-stream", `--use-file-for-fake-audio-capture=${path}`];
}

function listen(context: BrowserContext, page: Page): Browser {
  const complaints: string[] = [];
  const requests: string[] = [];
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(message.text());
  });
  page.on("request", (request) => requests.push(request.url()));
  page.on("websocket", (socket) => requests.push(socket.url()));
  return { context, page, complaints, requests, close: () => context.close() };
}

/** What the page lays open to tests, as `main.tsx` has it; some of it is private there. */
interface Probe {
  calls: {
    store: {
      get(): CallState;
      dispatch(event: CallEvent): void;
      watch(listener: (now: CallState, before: CallState) => void): void;
    };
    levels: {
      caller: number;
      friend: number;
      played: { turn: number; level: number; playedMs: number; underruns: number } | null;
    };
    sound: { context: AudioContext & { sinkId?: string } } | null;
    interrupt(): void;
    said(pcm: Int16Array): void;
  };
  world: { dispatch(change: { unreachable: boolean }): void };
  log: { get(): readonly LogLine[]; dispatch(what: "clear"): void };
}

declare global {
  interface Window {
    __call: Probe;
  }
}

export function stateOf(page: Page): Promise<CallState> {
  return page.evaluate(() => window.__call.calls.store.get());
}

export async function untilPhase(page: Page, phase: Phase, timeout = PATIENCE_MS): Promise<void> {
  await until(page, (state) => phaseOf(state) === phase, timeout, phase);
  await page.locator(`.app[data-phase="${phase}"]`).waitFor(); // and it is drawn
}

/** Wait until the call's state is as `wanted` says. */
export async function until(
  page: Page,
  wanted: (state: CallState) => boolean,
  timeout = PATIENCE_MS,
  name = String(wanted),
): Promise<void> {
  const deadline = Date.now() + timeout;
  for (;;) {
    const state = await stateOf(page);
    if (wanted(state)) return;
    if (Date.now() > deadline) throw new Error(`still not so: ${name}\n${await account(page, state)}`);
    await page.waitForTimeout(40);
  }
}

/** What a person would want to know of a test that waits in vain. */
async function account(page: Page, state: CallState): Promise<string> {
  const lines = (await logOf(page)).slice(-25).map(({ at, way, name, turn, frames, detail }) => {
    return `${Math.round(at)} ${way} ${name} x${frames} #${turn} ${detail.slice(0, 120)}`;
  });
  return [JSON.stringify(state, null, 1), ...lines].join("\n");
}

export function logOf(page: Page): Promise<readonly LogLine[]> {
  return page.evaluate(() => window.__call.log.get());
}
