// How an operator reaches the files of a deployed pool: a reserved path of the gateway Worker, there only when a secret is
// set, and open only to who knows it. What it lets through goes to the pool's object as it is.

import type { FetchBinding } from "../../transport/cloudflare/fetch.ts";

/** Everything below it is ours, once the secret is set. The name of the operation follows. */
export const FILES_PATH = "/.edge-fpm/files/";

/** The secret's name among the Worker's bindings. */
export const FILES_TOKEN = "EDGE_FPM_FILES_TOKEN";

/** Fewest characters of the secret: 16 random ones of 64 are 96 bits, more than anybody tries over a network. */
export const SHORTEST_TOKEN = 16;

/** The headers that mean something to the object. */
const PASSED = ["content-type", "content-length"];

/** Answers a request to the reserved path; `undefined` when the request is none. */
export type FilesRoute = (request: Request) => Promise<Response> | undefined;

/**
 * @param token the secret; `undefined`, or one that is too short: the path is like any other
 * @param pool the pool's object
 */
export function filesRoute(token: unknown, pool: () => FetchBinding): FilesRoute {
  if (typeof token !== "string" || token === "") return () => undefined;
  if (token.length < SHORTEST_TOKEN) {
    console.error(`[gateway] ${FILES_TOKEN} has fewer than ${SHORTEST_TOKEN} characters: it is not used`);
    return () => undefined;
  }
  return (request) => {
    const { pathname, search } = new URL(request.url);
    if (!pathname.startsWith(FILES_PATH)) return undefined;
    return answer(request, token, pool, `http://pool${pathname}${search}`);
  };
}

async function answer(request: Request, token: string, pool: () => FetchBinding, url: string): Promise<Response> {
  const [, sent = ""] = /^Bearer +(\S+)$/i.exec(request.headers.get("authorization") ?? "") ?? [];
  if (!(await isSame(sent, token))) {
    // What was sent along is not read.
    await request.body?.cancel();
    return new Response(
      `${JSON.stringify({ error: "UNAUTHORIZED", message: "the token is missing or another one" })}\n`,
      {
        status: 401,
        headers: { "content-type": "application/json", "cache-control": "no-store", "www-authenticate": "Bearer" },
      },
    );
  }
  const headers = PASSED.flatMap((name) => {
    const value = request.headers.get(name);
    return value === null ? [] : [[name, value] as [string, string]];
  });
  return pool().fetch(url, { method: request.method, headers, body: request.body });
}

/** Takes as long whatever the difference is. */
async function isSame(a: string, b: string): Promise<boolean> {
  const digest = async (text: string) =>
    new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
  const [x, y] = await Promise.all([digest(a), digest(b)]);
  let difference = 0;
  for (const [index, byte] of x.entries()) difference |= byte ^ (y[index] ?? 0);
  return difference === 0;
}
