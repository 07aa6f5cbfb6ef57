/** What the service worker keeps, and when it answers in the server's place. */

export function isPage(mode: RequestMode, url: URL): boolean {
  return mode === "navigate" && url.pathname === "/";
}

export function isPortrait(url: URL): boolean {
  return /^\/api\/personas\/[\w-]+\/avatar\.svg$/.test(url.pathname);
}

/** The server's answer, kept for the day it does not come; then the kept one. */
export async function freshFirst(cacheName: string, path: string, request: Request): Promise<Response> {
  const cache = await caches.open(cacheName);
  try {
    const answer = await fetch(request);
    if (answer.ok) void cache.put(path, answer.clone());
    return answer;
  } catch (error) {
    const kept = await cache.match(path);
    if (kept) return kept;
    throw error;
  }
}
