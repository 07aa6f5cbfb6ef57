/** The service worker: the page opens without its server, and then says that nobody picks up. */

import { freshFirst, isPage, isPortrait } from "./shell/offline";

declare const self: ServiceWorkerGlobalScope;
/** Written in by the build: the page's files and a name that changes with them. */
declare const PRECACHE: { name: string; files: string[] };

interface ServiceWorkerGlobalScope {
  location: Location;
  skipWaiting(): Promise<void>;
  clients: { claim(): Promise<void> };
  addEventListener(type: "install" | "activate" | "fetch", listener: (event: WorkerEvent) => void): void;
}
interface WorkerEvent extends Event {
  request: Request;
  waitUntil(promise: Promise<unknown>): void;
  respondWith(answer: Promise<Response>): void;
}

self.addEventListener("install", (event) => {
  const keep = caches.open(PRECACHE.name).then((cache) => cache.addAll(PRECACHE.files));
  event.waitUntil(keep.then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  const tidy = caches
    .keys()
    .then((names) =>
      Promise.all(names.filter((name) => name !== PRECACHE.name).map((name) => caches.delete(name))),
    );
  event.waitUntil(tidy.then(() => self.clients.claim()));
});

self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || url.origin !== self.location.origin) return;
  if (isPage(event.request.mode, url)) event.respondWith(freshFirst(PRECACHE.name, "/", event.request));
  else if (isPortrait(url)) event.respondWith(freshFirst(PRECACHE.name, url.pathname, event.request));
  else if (PRECACHE.files.includes(url.pathname)) event.respondWith(keptFirst(event.request, url.pathname));
});

async function keptFirst(request: Request, path: string): Promise<Response> {
  return (await caches.match(path)) ?? fetch(request);
}
