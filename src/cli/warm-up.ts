// The URLs that the first child of a pool runs before its snapshot is taken: what the gateway would send the application
// for them, recorded instead of sent.

import type { Pair } from "../codec/index.ts";
import type { SnapshotEvent, SnapshotOptions } from "../platform/node/snapshot-options.ts";
import type { Exchange } from "../transport/exchange.ts";
import type { Arguments, OptionSpec } from "./command.ts";
import { CliError } from "./failure.ts";
import { note } from "./terminal.ts";

export const warmUpOptions: Readonly<Record<string, OptionSpec>> = {
  warmup: {
    type: "string",
    multiple: true,
    value: "<path>",
    help: "run this path in the first child and start the others from it, warm; repeatable",
  },
  snapshot: { type: "string", value: "<file>", help: "keep the warm child in this file for the next start" },
};

/** `--warmup` and `--snapshot`; undefined with neither. */
export function warmUpOf(args: Arguments): WarmUpSettings | undefined {
  const urls = checkUrls(args.list("warmup"), "--warmup");
  const file = args.text("snapshot");
  return urls.length === 0 && file === undefined ? undefined : { urls, file };
}

/** What children are started from. */
export interface WarmUpSettings {
  /** Paths of the site, or whole URLs. */
  readonly urls: readonly string[];
  /** File that keeps the snapshot over restarts. */
  readonly file?: string | undefined;
}

type Handler = (request: Request) => Promise<Response>;

/** Answers like an application that has nothing to say. */
const NOTHING = new TextEncoder().encode("Status: 204 No Content\r\n\r\n");

/**
 * The CGI params of the requests that a gateway would make of URLs. What is a static file, a redirect or refused gives none.
 *
 * @param gateway makes a gateway over an application
 */
export async function recordRequests(
  urls: readonly string[],
  gateway: (application: Exchange) => Handler,
): Promise<readonly (readonly Pair[])[]> {
  const recorded: (readonly Pair[])[] = [];
  const record: Exchange = async ({ params }, sink) => {
    recorded.push(params);
    await sink.stdout(NOTHING);
    return { applicationStatus: 0, protocolStatus: "request-complete" };
  };
  const handle = gateway(record);
  for (const url of urls) {
    const before = recorded.length;
    const whole = new URL(url, "http://localhost");
    const headers = { host: whole.host, accept: "text/html", "user-agent": "edge-fpm warm-up" };
    const response = await handle(new Request(whole, { headers }));
    await response.body?.cancel();
    if (recorded.length === before) note(`warm-up: ${url} runs no script (${response.status})`);
  }
  return recorded;
}

/** @throws {CliError} when one is neither a path nor a URL */
export function checkUrls(urls: readonly string[], where: string): readonly string[] {
  for (const url of urls) {
    if (!url.startsWith("/") && !/^https?:\/\/[^/]/.test(url)) {
      throw new CliError(`${where}: ${url} must be a path that begins with a slash, or an http URL.`, { exitCode: 2 });
    }
  }
  return urls;
}

/** What a pool is told, with news for the log. */
export function snapshotOptions(
  { urls, file }: WarmUpSettings,
  pool: string,
  gateway: (application: Exchange) => Handler,
): SnapshotOptions {
  return {
    warmUp: () => recordRequests(urls, gateway),
    ...(file !== undefined && { file }),
    onEvent: (event) => note(`[pool ${pool}] ${describe(event)}`),
  };
}

function describe(event: SnapshotEvent): string {
  const size = (bytes: number) => `${(bytes / 1024 / 1024).toFixed(1)} MB`;
  switch (event.type) {
    case "taken": {
      const problems = event.problems.map((problem) => `\n  ${problem}`).join("");
      return `warm after ${Math.round(event.milliseconds)} ms, snapshot of ${size(event.bytes)}${problems}`;
    }
    case "loaded":
      return `warm from ${event.file}, ${size(event.bytes)}`;
    case "ignored":
      return `snapshot ${event.file} is not used: ${event.reason}`;
    case "none":
      return `no snapshot, children start one by one: ${event.problems.join("; ")}`;
  }
}
