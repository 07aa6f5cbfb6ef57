/** The composition root: builds the stores and the call, asks the server who it is, draws the page. */

import { render } from "preact";
import { Calls } from "./shell/calls";
import { followOtherTabs, openConversations } from "./shell/conversations";
import { keepConversations } from "./shell/keeping";
import { createLog } from "./shell/log";
import { browserStorage, openSettings } from "./shell/settings";
import { createRecord } from "./shell/store";
import { takeToken, watchForToken } from "./shell/token";
import { fetchConfig, fetchPersonas, fetchVoices, whyRefused } from "./shell/world";
import { App } from "./ui/app";
import type { Page, View, World } from "./ui/context";
import "./styles/index.css";

const WIDE = "(min-width: 1000px)";
const RELOOK_MS = 4000;

function start(root: HTMLElement): void {
  const storage = browserStorage();
  const settings = openSettings(storage, browserStorage("sessionStorage"), takeToken());
  const log = createLog();
  const world = createRecord<World>({ ...recall(storage), voices: {}, unreachable: false });
  world.watch((now) => remember(storage, now));
  const persona = () => settings.get().persona ?? world.get().config?.persona.id ?? "";
  const calls = new Calls({
    settings,
    log,
    place: () =>
      world.get().config?.call ?? { url: null, port: 8888, path: "/api/live_voice_call/chat", servers: null },
    persona,
    usualVoice: (id) => usualVoice(world.get(), id),
    whyRefused,
  });
  const wide = window.matchMedia(WIDE);
  const view = createRecord<View>({
    panel: null,
    developer: false,
    keyboard: false,
    volume: false,
    wide: wide.matches,
  });
  wide.addEventListener("change", () => view.dispatch({ wide: wide.matches, panel: null }));
  const page: Page = { calls, settings, conversations: openConversations(storage), log, world, view };
  keepConversations(calls.store, page.conversations, persona);
  followOtherTabs(page.conversations);
  watchForToken((token) => settings.dispatch({ token }));
  exposeForTests(page);
  void look(page);
  settings.watch((now, before) => {
    if (now.token !== before.token) page.world.dispatch({ voices: {} });
  });
  calls.store.watch((now, before) => {
    // a token that opened the line may open more of the world than the page has seen
    if (now.line === "open" && before.line !== "open" && settings.get().token !== "") void look(page);
  });
  render(<App page={page} />, root);
}

/** The server may start after the page: look again until it answers. */
async function look(page: Page): Promise<void> {
  try {
    const [config, personas] = await Promise.all([fetchConfig(), fetchPersonas().catch(() => [])]);
    page.world.dispatch({
      config,
      personas: personas.length > 0 ? personas : [config.persona],
      unreachable: false,
    });
  } catch {
    page.world.dispatch({ unreachable: true });
    setTimeout(() => void look(page), RELOOK_MS);
  }
}

/** As the settings' list of voices has it, or else asked for. */
async function usualVoice({ voices }: World, persona: string): Promise<string | null> {
  try {
    return (voices[persona] ?? (await fetchVoices(persona))).default;
  } catch {
    return null;
  }
}

const WORLD_KEY = "live-voice-call.world";

/** Who was here last time: shown while the server does not answer. */
function recall(storage: Storage | null): Pick<World, "config" | "personas"> {
  try {
    const kept = JSON.parse(storage?.getItem(WORLD_KEY) ?? "") as Partial<World>;
    if (
      typeof kept.config?.persona?.id === "string" &&
      kept.config.services &&
      Array.isArray(kept.personas)
    ) {
      return { config: kept.config, personas: kept.personas };
    }
  } catch {
    // Nothing kept, or nothing that can be read.
  }
  return { config: null, personas: [] };
}

function remember(storage: Storage | null, { config, personas }: World): void {
  try {
    storage?.setItem(WORLD_KEY, JSON.stringify({ config, personas }));
  } catch {
    // The next visit shows the page a moment later.
  }
}

/** The browser tests read what a person would hear and see: only where the address asks for it. */
function exposeForTests(page: Page): void {
  if (new URLSearchParams(window.location.search).has("probe")) Object.assign(window, { __call: page });
}

function installShell(): void {
  if ("serviceWorker" in navigator && import.meta.env.PROD) void navigator.serviceWorker.register("/sw.js");
}

start(document.getElementById("root") as HTMLElement);
installShell();
