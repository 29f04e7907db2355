// A capture as JSON: what the debugger prints with `--format json` and the playground exports.

import { byteStringToUtf8, bytesToByteString } from "../codec/index.ts";
import { annotate } from "./annotate.ts";
import type { Capture, CapturedConnection, Direction } from "./capture.ts";
import { type FollowedConnection, type FollowedItem, type FollowedRequest, followCapture } from "./follow.ts";
import { typeName } from "./names.ts";
import type { RequestStates } from "./states.ts";

/** The version of this shape; it changes when a field's meaning does. */
export const CAPTURE_JSON_VERSION = 1;

/** Times are milliseconds since 1970 or `null`; bytes are lower-case hex; texts are the bytes read as UTF-8. */
export interface CaptureJson {
  readonly version: typeof CAPTURE_JSON_VERSION;
  readonly format: Capture["format"];
  readonly packets: number;
  readonly otherConnections: number;
  readonly warnings: readonly string[];
  readonly connections: readonly ConnectionJson[];
}

/** A connection in the JSON of `edge-fpm decode`. */
export interface ConnectionJson {
  readonly id: number;
  readonly webServer: string;
  readonly application: string;
  readonly items: readonly ItemJson[];
  readonly requests: readonly RequestJson[];
}

/** A record, bytes that are none, a gap, or the end of a direction. */
export interface ItemJson {
  readonly index: number;
  readonly kind: "record" | "fragment" | "gap" | "end";
  readonly direction: Direction;
  readonly time: number | null;
  /** Of records: the header. */
  readonly type?: string;
  readonly typeCode?: number;
  readonly requestId?: number;
  readonly contentLength?: number;
  readonly paddingLength?: number;
  /** Of records and fragments. */
  readonly bytes?: string;
  readonly summary?: string;
  /** Of gaps: bytes. */
  readonly missing?: number;
  /** Of ends. */
  readonly how?: "closed" | "reset";
  /** `number` of its request. */
  readonly request?: number;
  readonly before?: RequestStates;
  readonly after?: RequestStates;
  readonly problems: readonly string[];
}

/** A request in the JSON of `edge-fpm decode`. */
export interface RequestJson {
  /** From 1, throughout the capture. */
  readonly number: number;
  readonly requestId: number;
  readonly role: string | number;
  readonly keepConnection: boolean;
  readonly params: readonly (readonly [name: string, value: string])[];
  readonly stdinLength: number;
  readonly dataLength: number;
  readonly stdoutLength: number;
  /** The header block of the answer; `null` when it has no end, or none came. */
  readonly head: string | null;
  /** Bytes of STDOUT behind the header block. */
  readonly bodyLength: number;
  readonly stderr: string;
  readonly applicationStatus: number | null;
  readonly protocolStatus: string | number | null;
  readonly aborted: boolean;
  readonly begin: number | null;
  readonly firstByte: number | null;
  readonly end: number | null;
  /** Indexes of its records among the items. */
  readonly items: readonly number[];
  readonly problems: readonly string[];
}

/** The whole capture as a value for `JSON.stringify`. */
export function captureToJson(capture: Capture): CaptureJson {
  return {
    version: CAPTURE_JSON_VERSION,
    format: capture.format,
    packets: capture.packets,
    otherConnections: capture.otherConnections,
    warnings: capture.warnings,
    connections: followCapture(capture).map((followed) => connectionToJson(followed.connection, followed)),
  };
}

/** A followed connection as plain data for `JSON.stringify`. */
export function connectionToJson(connection: CapturedConnection, followed: FollowedConnection): ConnectionJson {
  const { id, webServer, application } = connection;
  return {
    id,
    webServer,
    application,
    items: followed.items.map(itemToJson),
    requests: followed.requests.map(requestToJson),
  };
}

/** A record, fragment, gap or end as plain data. */
export function itemToJson(followed: FollowedItem): ItemJson {
  const { index, item, problems } = followed;
  const common = { index, kind: item.type, direction: item.direction, time: item.time ?? null };
  switch (item.type) {
    case "record":
      return {
        ...common,
        type: typeName(item.recordType),
        typeCode: item.recordType,
        requestId: item.requestId,
        contentLength: item.contentLength,
        paddingLength: item.paddingLength,
        bytes: hex(item.bytes),
        summary: annotate(item.bytes, { before: followed.paramsBefore }).summary,
        ...(followed.request === undefined
          ? {}
          : { request: followed.request, before: followed.before, after: followed.after }),
        problems,
      };
    case "fragment":
      return { ...common, bytes: hex(item.bytes), summary: annotate(item.bytes).summary, problems };
    case "gap":
      return { ...common, missing: item.missing, problems };
    case "end":
      return { ...common, how: item.how, problems };
  }
}

/** A request as plain data: bodies as lengths, params and STDERR as text. */
export function requestToJson(request: FollowedRequest): RequestJson {
  const { head, bodyLength } = answerOf(request);
  return {
    number: request.number,
    requestId: request.requestId,
    role: request.role,
    keepConnection: request.keepConnection,
    params: request.params.map(([name, value]) => [byteStringToUtf8(name), byteStringToUtf8(value)] as const),
    stdinLength: request.stdin.length,
    dataLength: request.data.length,
    stdoutLength: request.stdout.length,
    head: head ?? null,
    bodyLength,
    stderr: textOf(request.stderr.content),
    applicationStatus: request.end?.applicationStatus ?? null,
    protocolStatus: request.end?.protocolStatus ?? null,
    aborted: request.aborted,
    begin: request.times.begin ?? null,
    firstByte: request.times.firstByte ?? null,
    end: request.times.end ?? null,
    items: request.items,
    problems: request.problems,
  };
}

/** The answer's header block without its empty line, and what is behind it. `head` is undefined when it has no end. */
export function answerOf(request: FollowedRequest): {
  readonly head: string | undefined;
  readonly bodyLength: number;
  /** What is kept of the body: a view. */
  readonly body: Uint8Array;
} {
  const { content, length } = request.stdout;
  const end = headEnd(content);
  if (end === undefined) return { head: undefined, bodyLength: length, body: content };
  return {
    head: textOf(content.subarray(0, end.head)),
    bodyLength: length - end.body,
    body: content.subarray(end.body),
  };
}

/** Where the lines of the header block end, and where the body starts. An LF ends a line, with or without a CR. */
function headEnd(bytes: Uint8Array): { readonly head: number; readonly body: number } | undefined {
  for (let at = bytes.indexOf(0x0a); at !== -1; at = bytes.indexOf(0x0a, at + 1)) {
    const next = bytes[at + 1] === 0x0d ? at + 2 : at + 1;
    if (bytes[next] === 0x0a) return { head: bytes[at - 1] === 0x0d ? at - 1 : at, body: next + 1 };
  }
  return undefined;
}

function textOf(bytes: Uint8Array): string {
  return byteStringToUtf8(bytesToByteString(bytes));
}

const DIGITS = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

function hex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += DIGITS[byte];
  return text;
}
