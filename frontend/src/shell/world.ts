/** What the page's own server says: configuration, personas, voices. Read at the edge, trusted inside. */

import type { CallPlace } from "../call/address";
import type { Failure } from "../call/state";
import type { Language } from "../i18n";
import { isObject } from "../protocol/events";
import { ask, bearer } from "./token";

export interface Persona {
  id: string;
  name: string;
  nameLatin: string;
  language: string;
  tagline: Readonly<Record<string, string>>;
  avatar: string;
}

export interface Voice {
  id: string;
  name: Readonly<Record<Language, string>>;
  language: string;
  gender: string;
  sample: string;
  /** One of the persona's own; the others are the service's. */
  own: boolean;
  cloned: boolean;
  emotions: readonly string[];
}

export interface Config {
  version: string;
  call: CallPlace;
  persona: Persona;
  services: Readonly<Record<string, { provider: string; label: string }>>;
  offlineStandIn: boolean;
}

export interface Voices {
  default: string;
  /** How the persona speaks by herself. */
  rate: number;
  volume: number;
  voices: readonly Voice[];
}

export async function fetchConfig(): Promise<Config> {
  const json = await fetchJson("/api/config");
  const call = isObject(json.call) ? json.call : {};
  return {
    version: text(json.version),
    call: {
      url: typeof call.url === "string" ? call.url : null,
      port: typeof call.port === "number" ? call.port : 8888,
      path: text(call.path) || "/api/live_voice_call/chat",
      servers: Array.isArray(call.servers) ? call.servers.map(text) : null,
    },
    persona: persona(json.persona),
    services: (isObject(json.services) ? json.services : {}) as Config["services"],
    offlineStandIn: json.offline_stand_in === true,
  };
}

export async function fetchPersonas(): Promise<Persona[]> {
  const { personas } = await fetchJson("/api/personas");
  return Array.isArray(personas) ? personas.map(persona) : [];
}

export async function fetchVoices(personaId: string): Promise<Voices> {
  const json = await fetchJson(`/api/personas/${encodeURIComponent(personaId)}/voices`);
  const voices = Array.isArray(json.voices) ? json.voices.filter(isObject) : [];
  const speech = isObject(json.speech) ? json.speech : {};
  return {
    default: text(json.default),
    rate: number(speech.rate, 1),
    volume: number(speech.volume, 1),
    voices: voices.map((each) => ({
      id: text(each.id),
      name: names(each.name, text(each.id)),
      language: text(each.language),
      gender: text(each.gender),
      sample: text(each.sample),
      own: each.own === true,
      cloned: each.kind === "cloned",
      emotions: Array.isArray(each.emotions) ? each.emotions.filter((one) => typeof one === "string") : [],
    })),
  };
}

/** Why a call was refused: a browser hides the answer to a WebSocket's handshake, so ask beside it. */
export async function whyRefused(token: string): Promise<Failure> {
  try {
    const { status } = await fetch("/api/admission", { headers: bearer(token), cache: "no-store" });
    return status === 401 ? "token-refused" : status === 503 || status === 429 ? "busy" : "server-down";
  } catch {
    return "server-down";
  }
}

/** A voice's sample, as an address that an audio element may play; to be revoked. */
export async function fetchSample(voice: Voice): Promise<string> {
  const answer = await ask(voice.sample);
  if (!answer.ok) throw new Error(`${voice.sample} answered ${answer.status}`);
  return URL.createObjectURL(await answer.blob());
}

async function fetchJson(path: string): Promise<Record<string, unknown>> {
  const answer = await ask(path);
  const json: unknown = answer.ok ? await answer.json() : null;
  if (!isObject(json)) throw new Error(`${path} answered ${answer.status}`);
  return json;
}

function persona(value: unknown): Persona {
  const json = isObject(value) ? value : {};
  return {
    id: text(json.id),
    name: text(json.name),
    nameLatin: text(json.name_latin),
    language: text(json.language),
    tagline: (isObject(json.tagline) ? json.tagline : {}) as Persona["tagline"],
    avatar: text(json.avatar),
  };
}

function names(value: unknown, instead: string): Voice["name"] {
  const json = isObject(value) ? value : {};
  return { zh: text(json.zh) || instead, en: text(json.en) || instead };
}

function number(value: unknown, instead: number): number {
  return typeof value === "number" ? value : instead;
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
