// Our formats beside nginx's own, for the same requests: what nginx logged is taken apart, a request of ours is made of it,
// and the line that we write must be nginx's again.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { NameValue } from "../../../src/cgi/index.ts";
import type { AccessEntry, LogEscape } from "../../../src/gateway/observe/index.ts";
import { logFormat } from "../../../src/gateway/observe/index.ts";
import { type Nginx, startNginx } from "../../peers/nginx.ts";
import { describePeers } from "../../peers/peer.ts";
import { type PhpFpm, startPhpFpm } from "../../peers/php-fpm.ts";
import { makeScratch, type Scratch } from "../../peers/scratch.ts";
import { raw } from "../security/raw.ts";

/** What only nginx knows, to be read from its line. */
const SEEN = [
  "msec",
  "time_local",
  "time_iso8601",
  "request_time",
  "remote_port",
  "request_id",
  "connection",
  "bytes_sent",
  "upstream_response_time",
  "upstream_connect_time",
  "upstream_header_time",
  "upstream_bytes_sent",
  "upstream_bytes_received",
  "upstream_response_length",
] as const;

/** What must come out the same by itself. */
const COMPARED = [
  "remote_addr",
  "remote_user",
  "request",
  "request_method",
  "request_uri",
  "uri",
  "document_uri",
  "args",
  "query_string",
  "is_args",
  "status",
  "body_bytes_sent",
  "request_length",
  "request_completion",
  "host",
  "server_addr",
  "server_port",
  "server_protocol",
  "scheme",
  "https",
  "connection_requests",
  "content_type",
  "content_length",
  "http_user_agent",
  "http_referer",
  "http_host",
  "http_cookie",
  "http_x_odd",
  "http_x_absent",
  "sent_http_content_type",
  "sent_http_x_script",
  "upstream_http_x_script",
  "cookie_session",
  "cookie_absent",
  "arg_q",
  "arg_absent",
  "upstream_addr",
  "upstream_status",
  "upstream_cache_status",
] as const;

const TEMPLATE = [...SEEN, ...COMPARED].map((name) => `$${name}`).join("|");
const JSON_TEMPLATE = `{${[...SEEN, ...COMPARED].map((name) => `"${name}":"$${name}"`).join(",")}}`;

const REQUESTS: Readonly<Record<string, string>> = {
  "a plain request":
    "GET /show.php?q=1&b=%20 HTTP/1.1\r\nHost: Site.Test:80\r\nUser-Agent: curl/8\r\nReferer: http://a/\r\n",
  "nothing but what must be": "GET /show.php HTTP/1.1\r\nHost: a\r\n",
  "an empty query": "GET /show.php? HTTP/1.1\r\nHost: a\r\n",
  "quotes and backslashes": 'GET /show.php?"\\ HTTP/1.1\r\nHost: a\r\nUser-Agent: "evil" \\n \\" -\r\nReferer: \\\r\n',
  "bytes above 127": "GET /show.php HTTP/1.1\r\nHost: a\r\nUser-Agent: caf\xe9 \xc3\xa9 \xff\r\n",
  controls: "GET /show.php HTTP/1.1\r\nHost: a\r\nUser-Agent: a\tb\x1b[31mred\x7f\x01\r\n",
  "an empty user agent": "GET /show.php HTTP/1.1\r\nHost: a\r\nUser-Agent:\r\nX-Odd: \r\n",
  "percent signs": "GET /show.php/%22%20%C3%A9?q=%22 HTTP/1.1\r\nHost: a\r\n",
  cookies: "GET /show.php HTTP/1.1\r\nHost: a\r\nCookie: a=1; session=abc; SESSION=x\r\n",
  "a user": "GET /show.php HTTP/1.1\r\nHost: a\r\nAuthorization: Basic YSJiOmM=\r\n",
  "a body": "POST /show.php HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n",
  HEAD: "HEAD /show.php HTTP/1.1\r\nHost: a\r\n",
  "HTTP/1.0": "GET /show.php HTTP/1.0\r\nHost: a\r\n",
  "a script that is missing": "GET /missing.php HTTP/1.1\r\nHost: a\r\n",
  "a status of the script": "GET /show.php?teapot HTTP/1.1\r\nHost: a\r\n",
};

let scratch: Scratch;
let fpm: PhpFpm;
let nginx: Nginx;

function entryOf(head: string, answer: string, seen: Readonly<Record<string, string>>): AccessEntry {
  const [line = "", ...lines] = head.split("\r\n").filter((text) => text !== "");
  const [method = "", target = "", protocol = ""] = line.split(" ");
  const headers = (text: readonly string[]): NameValue[] =>
    text.map((one) => [one.slice(0, one.indexOf(":")), one.slice(one.indexOf(":") + 1).trim()]);
  const requestHeaders = headers(lines);
  const header = (name: string) => requestHeaders.find(([one]) => one.toLowerCase() === name)?.[1];
  const end = answer.indexOf("\r\n\r\n");
  const [statusLine = "", ...answered] = answer.slice(0, end).split("\r\n");
  const responseHeaders = headers(answered);
  const ms = (name: string) => {
    const value = seen[name] ?? "-";
    return value === "-" ? undefined : Math.round(Number(value) * 1000);
  };
  const number = (name: string) => Number(seen[name]);
  const authorization = header("authorization");
  const status = Number(statusLine.split(" ")[1]);
  return {
    time: ms("msec") ?? 0,
    requestTime: ms("request_time") ?? 0,
    remoteAddress: "127.0.0.1",
    remotePort: number("remote_port"),
    remoteUser:
      authorization === undefined
        ? undefined
        : Buffer.from(authorization.slice(6), "base64").toString("latin1").split(":")[0],
    serverAddress: "127.0.0.1",
    serverPort: Number(new URL(nginx.baseUrl).port),
    scheme: "http",
    method,
    target,
    uri: Buffer.from(
      target
        .replace(/\?.*/s, "")
        .replace(/%(..)/g, (_all, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
      "latin1",
    ).toString("latin1"),
    protocol,
    host: header("host")
      ?.toLowerCase()
      .replace(/:[0-9]+$/, ""),
    requestHeaders,
    responseHeaders,
    upstreamHeaders: responseHeaders,
    status,
    bodyBytesSent: number("bytes_sent") - (end + 4),
    bytesSent: number("bytes_sent"),
    requestLength: head.length + (method === "POST" ? 3 : 0),
    requestId: seen.request_id,
    connection: number("connection"),
    connectionRequests: 1,
    upstream: [
      {
        address: fpm.address.kind === "unix" ? `unix:${fpm.address.path}` : "",
        status,
        connectTime: ms("upstream_connect_time"),
        headerTime: ms("upstream_header_time"),
        responseTime: ms("upstream_response_time"),
        bytesSent: number("upstream_bytes_sent"),
        bytesReceived: number("upstream_bytes_received"),
        responseLength: number("upstream_response_length"),
      },
    ],
  };
}

describePeers(["nginx", "php-fpm8.2"], "the log's formats beside nginx's", () => {
  beforeAll(async () => {
    scratch = makeScratch("log");
    writeFileSync(
      join(scratch.path, "show.php"),
      "<?php header('X-Script: a\"b'); if (isset($_GET['teapot'])) http_response_code(418); echo 'hello';",
    );
    fpm = await startPhpFpm({ listen: "unix" });
    const log = (name: string) => join(scratch.path, name);
    nginx = await startNginx({
      root: scratch.path,
      fastcgi: fpm.address,
      httpLines: [
        `log_format template '${TEMPLATE}';`,
        `log_format object escape=json '${JSON_TEMPLATE}';`,
        `access_log ${log("combined")};`,
        `access_log ${log("object")} object;`,
        "ignore_invalid_headers off;",
      ],
      accessLog: `${log("template")} template`,
    });
  });
  afterAll(async () => {
    await nginx?.stop();
    await fpm?.stop();
    scratch?.remove();
  });

  /** The line that a request adds to each log. */
  async function logged(request: string): Promise<{ answer: string; line: (name: string) => string }> {
    const names = ["template", "object", "combined"];
    const read = (name: string) => readFileSync(join(scratch.path, name), "latin1");
    const before = new Map(names.map((name) => [name, read(name).length]));
    const head = `${request}Connection: close\r\n\r\n`;
    const { text } = await raw(Number(new URL(nginx.baseUrl).port), head + (request.startsWith("POST") ? "abc" : ""));
    const line = (name: string) => read(name).slice(before.get(name)).replace(/\n$/, "");
    await expect.poll(() => names.every((name) => line(name) !== "")).toBe(true);
    return { answer: text, line };
  }

  test.each(Object.entries(REQUESTS))("%s", async (_name, request) => {
    const { answer, line } = await logged(request);
    const values = line("template").split("|");
    const seen = Object.fromEntries(SEEN.map((name, index) => [name, values[index] ?? ""]));
    const entry = entryOf(`${request}Connection: close\r\n\r\n`, answer, seen);

    // By fields first: a difference is easier to see.
    const write = (template: string, escaping: LogEscape) => logFormat(template, escaping)(entry);
    const ours = write(TEMPLATE, "default");
    const fields = (text: string) =>
      Object.fromEntries(text.split("|").map((value, index) => [[...SEEN, ...COMPARED][index], value]));
    expect(fields(ours)).toEqual(fields(line("template")));
    expect(ours).toBe(line("template"));
    expect(logFormat("combined")(entry)).toBe(line("combined"));
    expect(`${logFormat("common")(entry)} `).toBe(line("combined").slice(0, logFormat("common")(entry).length + 1));

    const json = write(JSON_TEMPLATE, "json");
    const parsed = JSON.parse(json) as Record<string, string>;
    // nginx passes on bytes that are no UTF-8, which no JSON parser takes; the same text comes out where they are.
    const theirs = Buffer.from(line("object"), "latin1").toString("utf8");
    expect(parsed).toEqual(JSON.parse(theirs));
  });
});
