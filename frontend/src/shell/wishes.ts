/** What the page asks of the server, as the person's settings have it. Pure. */

import { WANTED } from "../call/address";
import type { CallConfig } from "../protocol/events";
import type { Settings } from "./settings";

/** From the start of a call. */
export function wishesOf({ bargeIn, persona }: Settings): CallConfig {
  return { ...WANTED, barge_in: bargeIn, ...(persona ? { persona } : {}) };
}

/** In the middle of one; null when nothing that the server cares about has changed. */
export function changedWishes(now: Settings, before: Settings, persona: string): CallConfig | null {
  const change: CallConfig = {};
  if (now.bargeIn !== before.bargeIn) change.barge_in = now.bargeIn;
  if (now.persona !== before.persona && now.persona) change.persona = now.persona;
  const voice = now.voices[persona];
  if (voice && (now.voices !== before.voices || change.persona)) change.speaker = voice;
  return Object.keys(change).length > 0 ? change : null;
}
