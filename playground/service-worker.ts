// Keeps the page for visits without a network. The page's own files are kept when it is first opened; PHP is kept by the
// page that loads it, in a cache of its own, and only served from here. Addresses of an application are the page's to answer.

import { SITE_FOLDER, type SiteAnswer, type SiteRequest } from "./site-messages.ts";

/** The part of a service worker's scope that is used. */
interface Scope {
  readonly registration: { readonly scope: string };
  readonly clients: {
    claim(): Promise<void>;
    matchAll(options: { readonly type: "window"; readonly includeUncontrolled: boolean }): Promise<readonly Client[]>;
  };
  addEventListener(type: "install" | "activate", listener: (event: Waiting) => void): void;
  addEventListener(type: "fetch", listener: (event: Waiting & Asking) => void): void;
}

/** A window of the page, or a frame in one. */
interface Client {
  readonly url: string;
  postMessage(message: SiteRequest, transfer: Transferable[]): void;
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
  if (!request.url.startsWith(BASE)) return;
  if (SITE_FOLDER.test(request.url.slice(BASE.length))) event.respondWith(ask(request));
  else if (request.method === "GET") event.respondWith(answer(request));
});

/** Milliseconds in which the page must say that an address is its own. */
const PATIENCE = 10_000;

/** Asks the pages that are open: the one whose application it is answers. */
async function ask(request: Request): Promise<Response> {
  const { url, method, referrer } = request;
  const bodyless = method === "GET" || method === "HEAD";
  const body = bodyless ? undefined : await request.arrayBuffer();
  const message: SiteRequest = { type: "edge-fpm site", url, method, headers: [...request.headers], referrer, body };
  const windows = await scope.clients.matchAll({ type: "window", includeUncontrolled: true });
  const pages = windows.filter((one) => one.url.startsWith(BASE) && !SITE_FOLDER.test(one.url.slice(BASE.length)));
  if (pages.length === 0) return nobody();
  return new Promise((resolve) => {
    const late = setTimeout(() => resolve(nobody()), PATIENCE);
    for (const page of pages) {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = ({ data }: MessageEvent<SiteAnswer>) => {
        clearTimeout(late);
        if (data.type === "answer") resolve(responseOf(data));
      };
      page.postMessage(message, [port2]);
    }
  });
}

function responseOf({ status, headers, body }: Extract<SiteAnswer, { type: "answer" }>): Response {
  const empty = status === 204 || status === 205 || status === 304 || body.length === 0;
  return new Response(empty ? null : body, { status, headers: headers as [string, string][] });
}

function nobody(): Response {
  const text = "The playground that this address belongs to is not open in this browser.";
  return new Response(text, { status: 503, headers: { "Content-Type": "text/plain" } });
}

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
