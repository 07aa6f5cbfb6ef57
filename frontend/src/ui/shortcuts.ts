/** Keys for people who do not use a mouse: only while nothing is being typed, and letters only where they are wanted. */

import { useEffect } from "preact/hooks";
import { phaseOf } from "../call/state";
import { type Page, usePage } from "./context";

export function useShortcuts(): void {
  const page = usePage();
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || typing(event.target)) return;
      if (act(page, event.key)) event.preventDefault();
    };
    window.addEventListener("keydown", press);
    return () => window.removeEventListener("keydown", press);
  }, [page]);
}

function typing(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.matches("input, select, textarea, dialog *");
}

/** Do what the key is for; whether it is for anything. */
export function act({ calls, settings, view }: Page, key: string): boolean {
  const state = calls.store.get();
  const phase = phaseOf(state);
  const inCall = phase !== "home" && phase !== "ended";
  if (key.length === 1 && !settings.get().shortcuts) return false;
  if (key === "`") view.dispatch({ developer: !view.get().developer });
  else if (!inCall) return false;
  else if (key === "m" && !state.micless) calls.mute(!state.muted);
  else if (key === "c") settings.dispatch({ captions: !settings.get().captions });
  else if (key === "t") view.dispatch({ keyboard: !view.get().keyboard });
  else if (key === "Escape" && (phase === "speaking" || phase === "reconnecting")) calls.interrupt();
  else return false;
  return true;
}
