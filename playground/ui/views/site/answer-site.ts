// Answers what the service worker asks for: requests of the application's pages, which the web server of this page gets.

import type { SiteAnswer, SiteRequest } from "../../../site-messages.ts";
import { engine } from "../../state/engine.ts";
import { messageOf } from "../../state/visits.ts";
import { CookieJar } from "./cookie-jar.ts";

/** What a browser says of itself, and a service worker is not told. */
const OWN_HEADERS: readonly (readonly [string, string])[] = [
  ["Host", location.host],
  ["User-Agent", navigator.userAgent],
  ["Accept-Language", navigator.languages.join(",")],
];

let stop: (() => void) | undefined;

/** From now on the addresses below `site` are answered. @returns what forgets the visitor's cookies */
export function answerSite(site: string): { forgetCookies(): void } {
  stop?.();
  const jar = new CookieJar(`edge-fpm.cookies ${site}`);
  const listen = ({ data, ports }: MessageEvent) => {
    const message = data as Partial<SiteRequest> | null;
    if (message?.type !== "edge-fpm site" || ports[0] === undefined) return;
    const asked = message as SiteRequest;
    if (new URL(asked.url).pathname.startsWith(site)) void answer(asked, ports[0], jar);
  };
  navigator.serviceWorker.addEventListener("message", listen);
  navigator.serviceWorker.startMessages();
  stop = () => navigator.serviceWorker.removeEventListener("message", listen);
  return { forgetCookies: () => jar.clear() };
}

async function answer(asked: SiteRequest, port: MessagePort, jar: CookieJar): Promise<void> {
  const post = (message: SiteAnswer) => port.postMessage(message);
  post({ type: "mine" });
  const { pathname, search, protocol } = new URL(asked.url);
  const cookie = jar.header(pathname, Date.now());
  const given = new Set(asked.headers.map(([name]) => name.toLowerCase()));
  try {
    const response = await engine.request({
      method: asked.method,
      url: pathname + search,
      scheme: protocol === "https:" ? "https" : "http",
      headers: [
        ...OWN_HEADERS.filter(([name]) => !given.has(name.toLowerCase())),
        ...asked.headers,
        ...(asked.referrer === "" ? [] : [["Referer", asked.referrer] as const]),
        ...(cookie === undefined ? [] : [["Cookie", cookie] as const]),
      ],
      body: asked.body === undefined ? undefined : new Uint8Array(asked.body),
    });
    for (const [name, value] of response.headers) {
      if (name.toLowerCase() === "set-cookie") jar.take(value, pathname, Date.now());
    }
    const body = (await response.bytes()) as Uint8Array<ArrayBuffer>;
    post({ type: "answer", status: response.status, headers: response.headers, body });
  } catch (error) {
    const text = `The engine of the page has no answer: ${messageOf(error)}`;
    const headers = [["Content-Type", "text/plain; charset=utf-8"]] as const;
    post({ type: "answer", status: 502, headers, body: new TextEncoder().encode(text) });
  }
}
