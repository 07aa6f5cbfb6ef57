/** What every part of the page may reach: the call, the choices, the world, the words. */

import { createContext } from "preact";
import { useContext } from "preact/hooks";
import { type CallState, phaseOf } from "../call/state";
import type { Language, Texts } from "../i18n";
import type { Calls } from "../shell/calls";
import type { Conversations } from "../shell/conversations";
import type { Log } from "../shell/log";
import type { Settings } from "../shell/settings";
import { type Store, useStore } from "../shell/store";
import type { Config, Persona, Voices } from "../shell/world";

export interface World {
  config: Config | null;
  personas: readonly Persona[];
  voices: Readonly<Record<string, Voices>>;
  /** The page's own server did not answer. */
  unreachable: boolean;
}

export interface View {
  panel: "talk" | "settings" | null;
  developer: boolean;
  keyboard: boolean;
  volume: boolean;
  wide: boolean;
}

export interface Page {
  calls: Calls;
  settings: Store<Settings, Partial<Settings>>;
  conversations: Conversations;
  log: Log;
  world: Store<World, Partial<World>>;
  view: Store<View, Partial<View>>;
}

export const PageContext = createContext<Page | null>(null);
export const WordsContext = createContext<{ texts: Texts; language: Language } | null>(null);

export function usePage(): Page {
  return useContext(PageContext) as Page;
}

export function useWords(): { texts: Texts; language: Language } {
  return useContext(WordsContext) as { texts: Texts; language: Language };
}

export function useCall<Part>(select: (state: CallState) => Part): Part {
  return useStore(usePage().calls.store, select);
}

export function usePhase() {
  return useCall(phaseOf);
}

/** The persona on the line: the chosen one, else the server's. */
export function usePersona(): Persona | null {
  const page = usePage();
  const chosen = useStore(page.settings, (settings) => settings.persona);
  const world = useStore(page.world, (all) => all);
  return world.personas.find((each) => each.id === chosen) ?? world.config?.persona ?? null;
}
