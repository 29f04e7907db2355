// `edge-fpm status`: the status page of a php-fpm, or of our own pool, as a table that moves.

import { CgiHeadParser } from "../cgi/response.ts";
import { concat, utf8ToByteString } from "../codec/index.ts";
import { connectExchange } from "../transport/connect-exchange.ts";
import type { Exchange } from "../transport/exchange.ts";
import { connectAddress } from "../transport/node/connect.ts";
import { addressOption } from "./address.ts";
import { coloursFor, isTerminal } from "./colours.ts";
import type { Arguments, Command } from "./command.ts";
import { CliError, codeOf, messageOf } from "./failure.ts";
import { parseStatus, type StatusPage, statusTable } from "./status-table.ts";

/** Longest wait for a page, in milliseconds. */
const TIMEOUT = 5_000;

/** Largest page read, in bytes: 10,000 children take about 4 MB. */
const MAX_PAGE = 16 * 1024 * 1024;

export const status: Command = {
  name: "status",
  usage: "<address> [options]",
  summary: "Show the children of a php-fpm or of our own pool, live",
  options: {
    path: { type: "string", short: "p", value: "<path>", help: "pm.status_path (/status)" },
    once: { type: "boolean", help: "show it once and end; so it is when the output is no terminal" },
    interval: { type: "string", short: "i", value: "<seconds>", help: "time between two looks (1)" },
    json: { type: "boolean", help: "print the page as JSON, one line a look" },
  },
  examples: [
    "edge-fpm status 127.0.0.1:9000",
    "edge-fpm status unix:/run/php/php8.2-fpm.sock --path /fpm-status",
    "edge-fpm status :9000 --once --json | jq '.[\"active processes\"]'",
  ],
  notes: ["q or Ctrl-C ends it with 0. 1: no status page came; 2: a wrong option."],
  run,
};

async function run(args: Arguments): Promise<number> {
  const [address, ...more] = args.positionals;
  if (address === undefined || more.length > 0) {
    throw new CliError("Needs an address.", { exitCode: 2, hint: "See: edge-fpm status --help" });
  }
  const interval = (args.integer("interval", 1, 3600) ?? 1) * 1000;
  const path = args.text("path") ?? "/status";
  if (!path.startsWith("/")) throw new CliError(`--path ${path} does not begin with /.`, { exitCode: 2 });
  const exchange = connectExchange(connectAddress(addressOption(address)), {
    readTimeout: TIMEOUT,
    connectTimeout: TIMEOUT,
  });
  const live = isTerminal(process.stdout) && !args.flag("once");
  const show = args.flag("json") ? showJson : live ? showOver : showPlain;
  if (!live && !(args.flag("json") && !args.flag("once") && args.has("interval"))) {
    show(await fetchStatus(exchange, path, AbortSignal.timeout(TIMEOUT)));
    return 0;
  }

  const stopped = new AbortController();
  const release = listenForStop(() => stopped.abort());
  if (live && !args.flag("json")) process.stdout.write(ENTER);
  try {
    while (!stopped.signal.aborted) {
      show(await fetchStatus(exchange, path, AbortSignal.any([stopped.signal, AbortSignal.timeout(TIMEOUT)])));
      await pause(interval, stopped.signal);
    }
    return 0;
  } catch (error) {
    if (stopped.signal.aborted) return 0;
    throw error;
  } finally {
    if (live && !args.flag("json")) process.stdout.write(LEAVE);
    release();
  }
}

/** The other screen of the terminal, without a cursor; and back. */
const ENTER = "\u001b[?1049h\u001b[?25l";
const LEAVE = "\u001b[?25h\u001b[?1049l";

/** Calls back at q, at Ctrl-C (a key while keys come one by one), SIGINT and SIGTERM. Returns what undoes it. */
function listenForStop(stop: () => void): () => void {
  const { stdin } = process;
  const onKey = (keys: Buffer) => {
    if (keys.includes("q") || keys.includes("Q") || keys.includes(0x03) || keys.includes(0x04)) stop();
  };
  const keys = stdin.isTTY === true;
  if (keys) {
    stdin.setRawMode(true);
    stdin.on("data", onKey);
    stdin.resume();
  }
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
  return () => {
    process.off("SIGINT", stop);
    process.off("SIGTERM", stop);
    if (!keys) return;
    stdin.off("data", onKey);
    stdin.setRawMode(false);
    stdin.pause();
  };
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener("abort", done, { once: true });
    if (signal.aborted) done();
  });
}

/** @throws {CliError} saying why there is no page */
async function fetchStatus(exchange: Exchange, path: string, signal: AbortSignal): Promise<StatusPage> {
  const parser = new CgiHeadParser();
  const body: Uint8Array[] = [];
  let length = 0;
  const name = utf8ToByteString(path);
  try {
    await exchange(
      {
        role: "responder",
        params: [
          ["GATEWAY_INTERFACE", "CGI/1.1"],
          ["REQUEST_METHOD", "GET"],
          ["SCRIPT_NAME", name],
          ["SCRIPT_FILENAME", name],
          ["REQUEST_URI", `${name}?json&full`],
          ["QUERY_STRING", "json&full"],
          ["SERVER_PROTOCOL", "HTTP/1.1"],
        ],
      },
      {
        stdout(chunk) {
          const part = parser.head === undefined ? parser.push(chunk) : chunk;
          length += part?.length ?? 0;
          if (length > MAX_PAGE) throw new Error(`the page is longer than ${MAX_PAGE} bytes`);
          if (part !== undefined) body.push(part.slice());
        },
        stderr() {},
      },
      signal,
    );
    if (parser.head?.status !== 200) throw new Error(`status ${parser.head?.status ?? "missing"}`);
    return parseStatus(new TextDecoder().decode(concat(body)));
  } catch (error) {
    if (codeOf(error) === "EXCHANGE_CONNECT") throw error;
    throw new CliError(`No status page at ${path}: ${messageOf(error)}`, {
      hint: `The pool must have "pm.status_path = ${path}"; --path names another.`,
      cause: error,
    });
  }
}

function showJson(page: StatusPage): void {
  process.stdout.write(`${JSON.stringify(page)}\n`);
}

function showPlain(page: StatusPage): void {
  const size = { rows: Number.POSITIVE_INFINITY, columns: Number.POSITIVE_INFINITY };
  process.stdout.write(`${statusTable(page, coloursFor(process.stdout), size).join("\n")}\n`);
}

/** Draws over what is there: lines are cleared as they are drawn, so nothing flickers. */
function showOver(page: StatusPage): void {
  // A terminal that does not know its size says 0.
  const { rows = 0, columns = 0 } = process.stdout;
  const size = { rows: (rows || 24) - 1, columns: columns || 80 };
  const lines = [...statusTable(page, coloursFor(process.stdout), size), "", "q ends"];
  process.stdout.write(
    `\u001b[H${lines
      .slice(0, size.rows)
      .map((line) => `${line}\u001b[K`)
      .join("\r\n")}\u001b[J`,
  );
}
