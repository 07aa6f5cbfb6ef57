/** What the page asks of the server, as the person's settings have it. Pure. */

import { WANTED } from "../call/address";
import type { CallConfig, SpeechWish } from "../protocol/events";
import type { Settings } from "./settings";

export const LEAST = 0.5;
export const MOST = 2;

/** From the start of a call. */
export function wishesOf({ bargeIn, persona }: Settings): CallConfig {
  return { ...WANTED, barge_in: bargeIn, ...(persona ? { persona } : {}) };
}

/** How a persona shall sound: once a call has begun, as only then it is known who answers. Null for as she does. */
export function soundOf(settings: Settings, persona: string): CallConfig | null {
  const speaker = settings.voices[persona];
  const speech = Object.entries(speechOf(settings, persona)).filter(([, value]) => value !== null);
  const wishes: CallConfig = { ...(speaker ? { speaker } : {}), ...Object.fromEntries(speech) };
  return Object.keys(wishes).length > 0 ? wishes : null;
}

/** What was chosen for a persona, as far as the server would take it. */
export function speechOf({ speech }: Settings, persona: string): SpeechWish {
  const { speech_rate, volume, emotion } = { ...speech[persona] };
  return {
    speech_rate: factor(speech_rate),
    volume: factor(volume),
    emotion: typeof emotion === "string" && /^[A-Za-z][A-Za-z-]{0,31}$/.test(emotion) ? emotion : null,
  };
}

/** In the middle of a call; null when nothing that the server cares about has changed. */
export function changedWishes(now: Settings, before: Settings, persona: string): CallConfig | null {
  const change: CallConfig = {};
  if (now.bargeIn !== before.bargeIn) change.barge_in = now.bargeIn;
  if (now.persona !== before.persona && now.persona) change.persona = now.persona;
  const voice = now.voices[persona];
  if (voice && (now.voices !== before.voices || change.persona)) change.speaker = voice;
  if (now.speech !== before.speech || (change.persona && hasSpeech(now)))
    Object.assign(change, speechOf(now, persona));
  return Object.keys(change).length > 0 ? change : null;
}

/** Whether anybody shall speak otherwise than by herself: then whoever comes next must not speak so, too. */
function hasSpeech({ speech }: Settings): boolean {
  return Object.keys(speech).length > 0;
}

function factor(value: unknown): number | null {
  return typeof value === "number" && value >= LEAST && value <= MOST ? value : null;
}
