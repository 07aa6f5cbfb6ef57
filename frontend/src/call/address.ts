/** Where a call goes, and what it asks for on the way. Pure. */

import type { CallConfig } from "../protocol/events";

export interface CallPlace {
  url: string | null;
  port: number;
  path: string;
  /** Where the page's policy lets it call besides its own origin, as that writes it; null where it is not known. */
  servers: readonly string[] | null;
}

export const WANTED: CallConfig = {
  delivery: "stream",
  audio_format: "pcm",
  sample_rate: 24000,
  turn_ids: true,
  events: ["SentencePartial", "BotInterrupted", "TurnMetrics"],
};

/** The call server beside the page, unless the person or the server's configuration names another. */
export function callUrl(
  place: CallPlace,
  page: Pick<Location, "protocol" | "hostname" | "host">,
  chosen: string,
): URL {
  const scheme = page.protocol === "https:" ? "wss" : "ws";
  if (chosen) return new URL(chosen);
  if (place.url) return new URL(place.url, `${scheme}://${page.host}`);
  return new URL(`${scheme}://${page.hostname}:${place.port}${place.path}`);
}

/** Whether the page's policy lets a socket be opened there: what it forbids fails without saying why. */
export function mayCall(url: URL, place: CallPlace, page: Pick<Location, "protocol" | "host">): boolean {
  if (!place.servers || url.host === page.host) return true;
  return place.servers.some((source) => {
    const [, scheme, host, port = ""] = /^(wss?):\/\/([^:]+)(?::(.+))?$/.exec(source) ?? [];
    if (!scheme || !["wss:", `${scheme}:`].includes(url.protocol)) return false;
    return (host === "*" || host === url.hostname) && (port === "*" || written(scheme, port) === url.port);
  });
}

/** A port as an address has it: the usual one goes without saying. */
function written(scheme: string, port: string): string {
  return port === (scheme === "wss" ? "443" : "80") ? "" : port;
}

/** The address with the wishes as its query; lists are written with commas. */
export function withWishes(url: URL, config: CallConfig, sid: string | null, resume = "false"): string {
  const address = new URL(url);
  for (const [key, value] of Object.entries(config)) {
    address.searchParams.set(key, Array.isArray(value) ? value.join(",") : String(value));
  }
  if (sid) address.searchParams.set("sid", sid);
  if (resume !== "false") address.searchParams.set("resume", resume);
  return address.toString();
}

/** A browser cannot set headers on a WebSocket: the token travels as a subprotocol. */
export function subprotocols(token: string): string[] {
  if (!token) return [];
  const bytes = new TextEncoder().encode(token);
  const base64 = btoa(String.fromCharCode(...bytes));
  return ["lvc", `token.${base64.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "")}`];
}

const BACKOFF_MS = [300, 700, 1500, 3000, 5000, 8000];
export const ATTEMPTS = 10;

/** How long to wait before an attempt (from 1); `chance` in 0..1 spreads many pages out. */
export function backoffMs(attempt: number, chance: number): number {
  const base = BACKOFF_MS[Math.min(attempt, BACKOFF_MS.length) - 1] ?? 0;
  return base * (0.75 + chance / 2);
}
