// The params and the body of a request that the command line describes: what `request` and `bench` send.

import { readFile } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { utf8ToByteString } from "../codec/index.ts";
import type { Arguments, OptionSpec } from "./command.ts";
import { CliError, messageOf } from "./failure.ts";

/** The options that `readBody` and `paramsOf` read. */
export const requestOptions: Readonly<
  Record<"method" | "query" | "data" | "type" | "header" | "param" | "root" | "path-info", OptionSpec>
> = {
  method: { type: "string", short: "X", value: "<method>", help: "request method (GET; POST when --data is given)" },
  query: { type: "string", short: "q", value: "<query>", help: "query string, without the question mark" },
  data: { type: "string", value: "<data>", help: "request body; @file reads a file, @- standard input" },
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
};

/** The bytes of `--data`, or `undefined` when it is absent. */
export async function readBody(data: string | undefined): Promise<Uint8Array | undefined> {
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
export function paramsOf(args: Arguments, script: string, body: Uint8Array | undefined): Map<string, string> {
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
