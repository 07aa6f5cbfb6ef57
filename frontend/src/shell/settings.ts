/** What a person chose, kept in this browser. */

import type { SpeechWish } from "../protocol/events";
import { createRecord, type Store } from "./store";
import { keepToken, recallToken } from "./token";

export interface Settings {
  language: "auto" | "zh" | "en";
  persona: string | null;
  /** The chosen voice of each persona. */
  voices: Readonly<Record<string, string>>;
  /** How each persona shall speak, where that is not as she does by herself. */
  speech: Readonly<Record<string, Partial<SpeechWish>>>;
  microphone: string;
  speaker: string;
  volume: number;
  bargeIn: boolean;
  captions: boolean;
  /** Single letters do something in a call: in the way of those who speak to their computer. */
  shortcuts: boolean;
  frameMs: 100 | 20;
  serverUrl: string;
  /** Of this visit alone: see `openSettings`. */
  token: string;
}

export const DEFAULTS: Settings = {
  language: "auto",
  persona: null,
  voices: {},
  speech: {},
  microphone: "",
  speaker: "",
  volume: 1,
  bargeIn: true,
  captions: true,
  shortcuts: true,
  frameMs: 100,
  serverUrl: "",
  token: "",
};

const KEY = "live-voice-call.settings";

/** The choices stay in this browser; the token stays in this tab, and is gone when that is closed. */
export function openSettings(
  storage: Storage | null,
  visit: Storage | null = null,
  token = "",
): Store<Settings, Partial<Settings>> {
  const store = createRecord({ ...DEFAULTS, ...read(storage), token: token || recallToken(visit) });
  const keep = (settings: Settings) => {
    write(storage, settings);
    keepToken(visit, settings.token);
  };
  keep(store.get());
  store.watch(keep);
  return store;
}

/** Only values of the kind that the defaults have: an older page may have written others. */
function read(storage: Storage | null): Partial<Settings> {
  try {
    const kept: unknown = JSON.parse(storage?.getItem(KEY) ?? "{}");
    const known = Object.entries(kept as object).filter(([key, value]) => fits(key, value));
    return Object.fromEntries(known) as Partial<Settings>;
  } catch {
    return {};
  }
}

function fits(key: string, value: unknown): boolean {
  if (key === "persona") return value === null || typeof value === "string";
  if (key === "language") return value === "auto" || value === "zh" || value === "en";
  if (key === "frameMs") return value === 100 || value === 20;
  const usual: unknown = (DEFAULTS as unknown as Record<string, unknown>)[key];
  return usual !== undefined && value !== null && typeof value === typeof usual;
}

function write(storage: Storage | null, settings: Settings): void {
  try {
    const { token: _, ...choices } = settings;
    storage?.setItem(KEY, JSON.stringify(choices));
  } catch {
    // A full or forbidden storage costs the memory, not the call.
  }
}

/** What a browser keeps for good, or for the visit; null where it forbids that. */
export function browserStorage(which: "localStorage" | "sessionStorage" = "localStorage"): Storage | null {
  try {
    return window[which];
  } catch {
    return null;
  }
}

/** Empty, or an address that a WebSocket can be opened to. */
export function validServer(address: string): boolean {
  if (address.trim() === "") return true;
  try {
    return ["ws:", "wss:"].includes(new URL(address.trim()).protocol);
  } catch {
    return false;
  }
}
