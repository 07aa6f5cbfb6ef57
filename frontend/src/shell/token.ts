/** The access token: how it comes to the page, where it stays, how it is shown to the page's server. */

const KEY = "live-voice-call.token";
let current = "";

/** The token after the address's `#token=`, which no server is sent; null where there is none. */
export function tokenOfFragment(hash: string): string | null {
  const token = new URLSearchParams(hash.replace(/^#/, "")).get("token");
  return token === null || token === "" ? null : token;
}

/** Take it, and leave no trace of it in the address or the history. */
export function takeToken(): string {
  const token = tokenOfFragment(window.location.hash);
  if (token !== null) {
    const { pathname, search } = window.location;
    window.history.replaceState(window.history.state, "", pathname + search);
  }
  return token ?? "";
}

/** Also one that is pasted into the address of the open page. */
export function watchForToken(took: (token: string) => void): void {
  window.addEventListener("hashchange", () => {
    const token = takeToken();
    if (token !== "") took(token);
  });
}

export function recallToken(visit: Storage | null): string {
  try {
    return visit?.getItem(KEY) ?? "";
  } catch {
    return "";
  }
}

export function keepToken(visit: Storage | null, token: string): void {
  current = token;
  try {
    if (token === "") visit?.removeItem(KEY);
    else visit?.setItem(KEY, token);
  } catch {
    // Asked for again at the next visit.
  }
}

/** Ask the page's own server for something, as the caller. */
export function ask(path: string, init: { method?: string; body?: BodyInit } = {}): Promise<Response> {
  return fetch(path, { ...init, cache: "no-store", headers: bearer(current) });
}

export function bearer(token: string): Record<string, string> {
  return token === "" ? {} : { Authorization: `Bearer ${asHeader(token)}` };
}

/** Headers carry Latin-1 alone: the bytes of UTF-8, one for each character. */
function asHeader(token: string): string {
  return String.fromCharCode(...new TextEncoder().encode(token));
}
