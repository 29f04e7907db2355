// Keeps the page for visits without a network. The page's own files are kept when it is first opened; PHP is kept by the
// page that loads it, in a cache of its own, and only served from here.

/** The part of a service worker's scope that is used. */
interface Scope {
  readonly registration: { readonly scope: string };
  readonly clients: { claim(): Promise<void> };
  addEventListener(type: "install" | "activate", listener: (event: Waiting) => void): void;
  addEventListener(type: "fetch", listener: (event: Waiting & Asking) => void): void;
}

interface Waiting {
  waitUntil(work: Promise<unknown>): void;
}

interface Asking {
  readonly request: Request;
  respondWith(response: Promise<Response>): void;
}

const scope = globalThis as unknown as Scope;

/** Replaced by the build. */
const { version, files } = JSON.parse("__EDGE_FPM_FILES__") as { version: string; files: readonly string[] };

const BASE = scope.registration.scope;
const path = new URL(BASE).pathname;
/** Caches belong to an origin, which other playgrounds may share: names hold the path. */
const PREFIX = `edge-fpm page ${path} `;
const CACHE = PREFIX + version;
const PHP_CACHE = `edge-fpm php ${path}`;

scope.addEventListener("install", (event) => {
  const urls = files.map((name) => new URL(name === "index.html" ? "." : name, BASE).href);
  event.waitUntil(
    caches.open(CACHE).then((cache) => cache.addAll(urls.map((url) => new Request(url, { cache: "reload" })))),
  );
});

scope.addEventListener("activate", (event) => {
  event.waitUntil(
    (async () => {
      for (const name of await caches.keys()) {
        if (name.startsWith(PREFIX) && name !== CACHE) await caches.delete(name);
      }
      await scope.clients.claim();
    })(),
  );
});

scope.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET" || !request.url.startsWith(BASE)) return;
  event.respondWith(answer(request));
});

async function answer(request: Request): Promise<Response> {
  const url = new URL(request.url);
  // Permalinks are a query or a hash: the page is one.
  const wanted = request.mode === "navigate" && !files.includes(url.href.slice(BASE.length)) ? BASE : request.url;
  const page = await caches.open(CACHE);
  const kept = await page.match(wanted, { ignoreSearch: true });
  if (kept !== undefined) return kept;
  const php = url.href.slice(BASE.length).startsWith("php/") ? await caches.open(PHP_CACHE) : undefined;
  return (await php?.match(request.url)) ?? fetch(request);
}
