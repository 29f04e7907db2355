// `edge-fpm purge`: makes the caches of a running gateway forget, over HTTP with the method PURGE.

import { type IncomingMessage, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import type { Arguments, Command } from "./command.ts";
import { CliError, messageOf } from "./failure.ts";

/** Longest wait for an answer, in milliseconds. */
const TIMEOUT = 10_000;

/** Longest answer that is read, in bytes. */
const MAX_ANSWER = 64 * 1024;

export const purge: Command = {
  name: "purge",
  usage: "<url...> [options]",
  summary: "Make the caches of a running gateway forget pages, by address, beginning or tag",
  options: {
    tag: { type: "string", short: "t", multiple: true, value: "<tag>", help: "what carries this tag, in every cache" },
    server: {
      type: "string",
      short: "s",
      value: "<url>",
      help: "where the gateway listens, when the address leads elsewhere,\ne.g. http://127.0.0.1:8080",
    },
    token: { type: "string", value: "<token>", help: "purge.token (what EDGE_FPM_PURGE_TOKEN says)" },
  },
  examples: [
    "edge-fpm purge http://127.0.0.1:8080/about",
    "edge-fpm purge 'https://example.org/blog/*' --server http://127.0.0.1:8080",
    "edge-fpm purge https://example.org --tag posts --tag home",
  ],
  notes: [
    "The gateway's configuration must have `purge`; see docs/cache.md. A star at the end stands for anything.",
    "0: all was purged; 1: the gateway refused, or did not answer; 2: a wrong option.",
  ],
  run,
};

async function run(args: Arguments): Promise<number> {
  const tags = args.list("tag");
  if (args.positionals.length === 0) {
    throw new CliError("Needs an address.", { exitCode: 2, hint: "See: edge-fpm purge --help" });
  }
  const urls = args.positionals.map((text) => urlOf(text));
  const server = args.text("server");
  const over = server === undefined ? undefined : urlOf(server);
  const token = args.text("token") ?? process.env.EDGE_FPM_PURGE_TOKEN;
  for (const url of urls) {
    const { status, text } = await send(url, over ?? url, tags, token);
    if (status !== 200) throw new CliError(`${url.href}: ${refusal(status)}`);
    process.stdout.write(`${url.href} ${countOf(text)}\n`);
  }
  return 0;
}

function urlOf(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === "http:" || url?.protocol === "https:") return url;
  throw new CliError(`${text} is no http:// or https:// address.`, { exitCode: 2 });
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

function send(url: URL, server: URL, tags: readonly string[], token: string | undefined): Promise<Answer> {
  const headers: Record<string, string> = { Host: url.host };
  // Where a proxy in front of the gateway does TLS, the gateway knows the address with https.
  if (url.protocol !== server.protocol) headers["X-Forwarded-Proto"] = url.protocol.slice(0, -1);
  if (tags.length > 0) headers["Cache-Tag"] = tags.join(", ");
  if (token !== undefined) headers.Authorization = `Bearer ${token}`;
  const start = server.protocol === "https:" ? requestHttps : requestHttp;
  return new Promise((resolve, reject) => {
    const failed = (error: unknown) => {
      reject(new CliError(`${server.origin} did not answer: ${messageOf(error)}`, { cause: error }));
    };
    const request = start(
      {
        host: server.hostname.replace(/^\[|\]$/g, ""),
        ...(server.port !== "" && { port: server.port }),
        method: "PURGE",
        path: url.pathname + url.search,
        headers,
        signal: AbortSignal.timeout(TIMEOUT),
      },
      (response) => void textOf(response).then((text) => resolve({ status: response.statusCode ?? 0, text }), failed),
    );
    request.on("error", failed).end();
  });
}

async function textOf(response: IncomingMessage): Promise<string> {
  let text = "";
  response.setEncoding("utf8");
  for await (const piece of response) {
    text += piece;
    if (text.length > MAX_ANSWER) throw new Error(`more than ${MAX_ANSWER} bytes`);
  }
  return text;
}

function refusal(status: number): string {
  if (status === 403) return "refused (403): purge.allow does not have this machine, or the token is another one";
  if (status === 404) return "no cache is for this address (404)";
  return `answered with ${status}: is the gateway configured for purges?`;
}

/** `3 answers`; a store that cannot count says nothing. */
function countOf(text: string): string {
  let purged: unknown;
  try {
    purged = (JSON.parse(text) as { readonly purged?: unknown } | null)?.purged;
  } catch {
    throw new CliError("The answer is none of this gateway's: is `purge` in its configuration?");
  }
  return typeof purged === "number" ? `purged: ${purged}` : "purged";
}
