// `edge-fpm decode`: what is in this capture?

import { readFile } from "node:fs/promises";
import { gunzipSync } from "node:zlib";
import { type Capture, DEFAULT_CAPTURE_LIMITS } from "../capture/capture.ts";
import { CaptureError } from "../capture/errors.ts";
import { type CapturedAndFollowed, followCapture } from "../capture/follow.ts";
import { CAPTURE_JSON_VERSION, connectionToJson } from "../capture/json.ts";
import { readCapture } from "../capture/read.ts";
import { coloursFor } from "./colours.ts";
import type { Arguments, Command } from "./command.ts";
import { itemFields, itemLine, requestText } from "./decode-text.ts";
import { CliError, messageOf } from "./failure.ts";
import { print, stopWhenNobodyReads } from "./standard-output.ts";
import { note } from "./terminal.ts";

const FORMATS = ["pretty", "line", "json"] as const;
const INPUTS = ["pcap", "pcapng", "hex", "raw"] as const;

export const decode: Command = {
  name: "decode",
  usage: "[file|-] [options]",
  summary: "Show the FastCGI records and requests of a capture: pcap, pcapng, a hex dump, or bare bytes",
  options: {
    format: {
      type: "string",
      short: "f",
      value: "<format>",
      choices: FORMATS,
      help: "pretty: every field; line: one line a record; json (pretty)",
    },
    follow: { type: "boolean", help: "show whole requests instead of records: params, answer, errors, times" },
    request: { type: "string", short: "r", value: "<n>", help: "only the n-th request of the capture, from 1" },
    connection: { type: "string", short: "c", value: "<n>", help: "only the n-th FastCGI connection, from 1" },
    port: {
      type: "string",
      value: "<port>",
      help: "the application's TCP port (any connection that begins as FastCGI does)",
    },
    input: { type: "string", value: "<kind>", choices: INPUTS, help: "pcap, pcapng, hex or raw (seen from the bytes)" },
  },
  examples: [
    "edge-fpm decode capture.pcapng --format line",
    "edge-fpm decode capture.pcap --port 9000 --request 3",
    "xxd -p request.bin | edge-fpm decode --follow",
    "tcpdump -i lo -c 200 -w - port 9000 | edge-fpm decode - -f json",
  ],
  notes: [
    "Ends with 0 when every byte is FastCGI as it should be, 1 when something is malformed, 2 on a wrong option.",
  ],
  run,
};

async function run(args: Arguments): Promise<number> {
  const [file = "-", ...more] = args.positionals;
  if (more.length > 0) throw new CliError("Reads one file.", { exitCode: 2, hint: "See: edge-fpm decode --help" });
  const format = args.oneOf("format", FORMATS) ?? "pretty";
  const input = args.oneOf("input", INPUTS);
  const port = args.integer("port", 1, 65_535);
  const request = args.integer("request", 1, Number.MAX_SAFE_INTEGER);
  const only = args.integer("connection", 1, Number.MAX_SAFE_INTEGER);
  stopWhenNobodyReads();

  const bytes = unpack(await readInput(file));
  let capture: Capture;
  try {
    capture = readCapture(bytes, {
      ...(input === undefined ? {} : { format: input }),
      ...(port === undefined ? {} : { port }),
    });
  } catch (error) {
    if (error instanceof CaptureError) throw new CliError(`${nameOf(file)}: ${error.message}`, { cause: error });
    throw error;
  }
  for (const warning of capture.warnings) note(`edge-fpm: ${warning}.`);
  if (capture.connections.length === 0) throw nothingFound(capture, port);

  const connections = followCapture(capture)
    .filter(({ connection }) => only === undefined || connection.id === only)
    .map((followed) => (request === undefined ? followed : onlyRequest(followed, request)))
    .filter(({ items }) => request === undefined || items.length > 0);
  if (connections.length === 0) {
    const what = request === undefined ? `connection ${only}` : `request ${request}`;
    throw new CliError(`There is no ${what} in the capture.`);
  }
  if (format === "json") await printJson(capture, connections);
  else await printText(connections, format, args.flag("follow"));
  const malformed = connections.some(({ items }) => items.some(({ problems }) => problems.length > 0));
  return malformed ? 1 : 0;
}

function nameOf(file: string): string {
  return file === "-" ? "standard input" : file;
}

/** Reads the file, or standard input; no more than the reader takes. */
async function readInput(file: string): Promise<Uint8Array> {
  if (file !== "-") {
    try {
      return await readFile(file);
    } catch (error) {
      throw new CliError(`Cannot read ${file}: ${messageOf(error)}`, { exitCode: 2, cause: error });
    }
  }
  if (process.stdin.isTTY === true) {
    throw new CliError("Needs a file, or a capture on standard input.", {
      exitCode: 2,
      hint: "See: edge-fpm decode --help",
    });
  }
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of process.stdin) {
    chunks.push(Buffer.from(chunk));
    length += chunk.length;
    if (length > DEFAULT_CAPTURE_LIMITS.maxBytes) break;
  }
  return Buffer.concat(chunks);
}

function unpack(bytes: Uint8Array): Uint8Array {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  try {
    return gunzipSync(bytes, { maxOutputLength: DEFAULT_CAPTURE_LIMITS.maxBytes });
  } catch (error) {
    throw new CliError(`The file cannot be uncompressed: ${messageOf(error)}`, { cause: error });
  }
}

function nothingFound(capture: Capture, port: number | undefined): CliError {
  const seen = `${capture.packets} packets, ${capture.otherConnections} TCP connections`;
  return port === undefined
    ? new CliError(`No FastCGI connection in ${seen}.`, {
        hint: "One whose beginning is missing is found by its port only: --port 9000.",
      })
    : new CliError(`No connection to port ${port} in ${seen}.`);
}

function onlyRequest(followed: CapturedAndFollowed, number: number): CapturedAndFollowed {
  return {
    connection: followed.connection,
    items: followed.items.filter((item) => item.request === number),
    requests: followed.requests.filter((request) => request.number === number),
  };
}

async function printJson(capture: Capture, connections: readonly CapturedAndFollowed[]): Promise<void> {
  const { format, packets, otherConnections, warnings } = capture;
  const head = JSON.stringify({ version: CAPTURE_JSON_VERSION, format, packets, otherConnections, warnings });
  // A connection at a time: the whole may be longer than a string can be.
  await print(`${head.slice(0, -1)},"connections":[`);
  for (const [index, followed] of connections.entries()) {
    const text = JSON.stringify(connectionToJson(followed.connection, followed));
    await print(`${index === 0 ? "" : ","}\n${text}`);
  }
  await print("]}\n");
}

async function printText(
  connections: readonly CapturedAndFollowed[],
  format: "pretty" | "line",
  follow: boolean,
): Promise<void> {
  const colours = coloursFor(process.stdout);
  const first = connections
    .flatMap(({ items }) => items.slice(0, 1))
    .reduce((least, { item }) => Math.min(least, item.time ?? least), Number.POSITIVE_INFINITY);
  const time = (at: number | undefined) => (at === undefined ? "-" : ((at - first) / 1000).toFixed(6)).padStart(11);
  for (const { connection, items, requests } of connections) {
    const { id, webServer, application } = connection;
    if (format === "pretty") await print(`${colours.bold(`Connection ${id}`)}  ${webServer} -> ${application}\n`);
    if (follow) {
      for (const request of requests) await print(requestText(request, id, colours));
      continue;
    }
    for (const item of items) {
      await print(`${itemLine(item, { colours, connection: id, time })}\n`);
      if (format === "pretty") await print(itemFields(item, colours));
    }
  }
}
