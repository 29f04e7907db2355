// `edge-fpm request`: one request to a FastCGI application from the command line, as cgi-fcgi does.

import { readFile } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { utf8ToByteString } from "../codec/index.ts";
import { connectExchange } from "../transport/connect-exchange.ts";
import { connectAddress } from "../transport/node/connect.ts";
import { addressOption } from "./address.ts";
import type { Arguments, Command } from "./command.ts";
import { CliError, messageOf } from "./failure.ts";
import { note } from "./terminal.ts";

export const request: Command = {
  name: "request",
  usage: "<address> <script> [options]",
  summary: "Send one request to a FastCGI application (php-fpm, ours, any other) and print the answer",
  options: {
    method: { type: "string", short: "X", value: "<method>", help: "request method (GET; POST when --data is given)" },
    query: { type: "string", short: "q", value: "<query>", help: "query string, without the question mark" },
    data: {
      type: "string",
      short: "d",
      value: "<data>",
      help: "request body; @file reads a file, @- standard input",
    },
    type: { type: "string", value: "<type>", help: "CONTENT_TYPE (application/x-www-form-urlencoded)" },
    header: { type: "string", short: "H", multiple: true, value: "<name: value>", help: "HTTP header, repeatable" },
    param: {
      type: "string",
      short: "p",
      multiple: true,
      value: "<NAME=value>",
      help: "FastCGI param, repeatable; the last one of a name wins",
    },
    root: { type: "string", value: "<dir>", help: "DOCUMENT_ROOT; SCRIPT_NAME is the script's path below it" },
    "path-info": { type: "string", value: "<path>", help: "PATH_INFO, starting with /" },
    include: { type: "boolean", short: "i", help: "print the header block too" },
    timeout: { type: "string", value: "<seconds>", help: "longest wait for the whole answer (60)" },
  },
  examples: [
    "edge-fpm request 127.0.0.1:9000 /var/www/index.php -q name=Ada",
    "edge-fpm request unix:/run/php/php8.2-fpm.sock ./form.php -d a=1 -i",
    "edge-fpm request 127.0.0.1:9000 /status -p SCRIPT_NAME=/status -q full",
  ],
  run,
};

async function run(args: Arguments): Promise<number> {
  const [address, script, ...more] = args.positionals;
  if (address === undefined || script === undefined || more.length > 0) {
    throw new CliError("Needs an address and a script.", { exitCode: 2, hint: "See: edge-fpm request --help" });
  }
  const seconds = args.integer("timeout", 1, 86_400) ?? 60;
  stopWhenNobodyReads();
  const body = await readBody(args.text("data"));
  const exchange = connectExchange(connectAddress(addressOption(address)), {
    keepConnection: false,
    // One limit for everything: --timeout.
    connectTimeout: 0,
    readTimeout: 0,
  });
  const output = answerPrinter(args.flag("include"));
  try {
    const end = await exchange(
      { role: "responder", params: [...paramsOf(args, script, body)], ...(body === undefined ? {} : { stdin: body }) },
      output,
      AbortSignal.timeout(seconds * 1000),
    );
    output.finish();
    if (end.protocolStatus !== "request-complete") {
      note(`edge-fpm: the application refused the request (protocol status: ${end.protocolStatus}).`);
      return 1;
    }
    return Math.min(end.applicationStatus, 255);
  } catch (error) {
    if (error instanceof DOMException && error.name === "TimeoutError") {
      throw new CliError(`No whole answer from ${address} within ${seconds} s.`, {
        hint: "--timeout allows more.",
        cause: error,
      });
    }
    throw error;
  }
}

async function readBody(data: string | undefined): Promise<Uint8Array | undefined> {
  if (data === undefined) return undefined;
  if (!data.startsWith("@")) return new TextEncoder().encode(data);
  if (data === "@-") {
    const chunks: Buffer[] = [];
    for await (const chunk of process.stdin) chunks.push(Buffer.from(chunk));
    return Buffer.concat(chunks);
  }
  try {
    return await readFile(data.slice(1));
  } catch (error) {
    throw new CliError(`Cannot read ${data.slice(1)}: ${messageOf(error)}`, { cause: error });
  }
}

/** The params, by name: a later one replaces an earlier one, as php-fpm reads them. */
function paramsOf(args: Arguments, script: string, body: Uint8Array | undefined): Map<string, string> {
  const rootOption = args.text("root");
  const root = rootOption === undefined ? undefined : resolve(rootOption);
  const filename = resolve(root ?? ".", script);
  const name =
    root !== undefined && filename.startsWith(`${root}/`) ? filename.slice(root.length) : `/${basename(filename)}`;
  const query = args.text("query") ?? "";
  const pathInfo = args.text("path-info") ?? "";

  const params = new Map<string, string>([
    ["GATEWAY_INTERFACE", "CGI/1.1"],
    ["SERVER_PROTOCOL", "HTTP/1.1"],
    ["SERVER_SOFTWARE", "edge-fpm"],
    ["SERVER_NAME", "localhost"],
    ["SERVER_PORT", "80"],
    ["REMOTE_ADDR", "127.0.0.1"],
    ["REQUEST_METHOD", args.text("method") ?? (body === undefined ? "GET" : "POST")],
    ["SCRIPT_FILENAME", filename],
    ["SCRIPT_NAME", name],
    ["DOCUMENT_ROOT", root ?? filename.slice(0, filename.lastIndexOf("/"))],
    ["DOCUMENT_URI", name + pathInfo],
    ["REQUEST_URI", name + pathInfo + (query === "" ? "" : `?${query}`)],
    ["QUERY_STRING", query],
    ["REDIRECT_STATUS", "200"],
  ]);
  if (pathInfo !== "") params.set("PATH_INFO", pathInfo);
  if (body !== undefined) {
    params.set("CONTENT_LENGTH", String(body.length));
    params.set("CONTENT_TYPE", args.text("type") ?? "application/x-www-form-urlencoded");
  }
  for (const header of args.list("header")) {
    const colon = header.indexOf(":");
    if (colon < 1) throw new CliError(`--header ${header} has no name: write "Name: value".`, { exitCode: 2 });
    const key = header.slice(0, colon).trim().toUpperCase().replaceAll("-", "_");
    // CGI gives these two without the prefix (RFC 3875, sections 4.1.2 and 4.1.3).
    const bare = key === "CONTENT_TYPE" || key === "CONTENT_LENGTH";
    params.set(bare ? key : `HTTP_${key}`, header.slice(colon + 1).trim());
  }
  for (const [key, value] of args.pairs("param")) params.set(key, value);
  return new Map([...params].map(([key, value]) => [utf8ToByteString(key), utf8ToByteString(value)]));
}

/** Bytes in which a header block must end; twice what our gateway takes. */
const MOST_HEADER = 64 * 1024;

/** Writes STDOUT of the application, with or without its header block, and STDERR beside it. */
function answerPrinter(include: boolean) {
  // The header block is held back until its end has come; an answer without one is printed whole, a long one at once.
  let held: Buffer | undefined = include ? undefined : Buffer.alloc(0);
  return {
    stdout(chunk: Uint8Array) {
      if (held === undefined) return print(process.stdout, chunk);
      held = Buffer.concat([held, chunk]);
      const end = /\r?\n\r?\n/.exec(held.toString("latin1"));
      if (end === null && held.length <= MOST_HEADER) return undefined;
      const rest = end === null ? held : held.subarray(end.index + end[0].length);
      held = undefined;
      return print(process.stdout, rest);
    },
    stderr: (chunk: Uint8Array) => print(process.stderr, chunk),
    finish() {
      if (held !== undefined && held.length > 0) process.stdout.write(held);
    },
  };
}

/** `edge-fpm request ... | head` ends with head, as any filter does, and not with a complaint. */
function stopWhenNobodyReads(): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    // 128 + SIGPIPE, what a shell reports of cat.
    process.exit(141);
  });
}

function print(stream: NodeJS.WriteStream, chunk: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(Uint8Array.from(chunk), (error) => (error ? reject(error) : resolve()));
  });
}
