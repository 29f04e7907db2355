// Records and requests as the debugger shows them: one line, or field by field.

import { type AnnotatedField, annotate } from "../capture/annotate.ts";
import type { FollowedItem, FollowedRequest } from "../capture/follow.ts";
import { answerOf } from "../capture/json.ts";
import { roleOf, typeName } from "../capture/names.ts";
import type { CapturedRecord } from "../capture/records.ts";
import { byteStringToUtf8, bytesToByteString, NULL_REQUEST_ID, RecordType } from "../codec/index.ts";
import { type Colours, type Paint, printable, shorten } from "./colours.ts";

/** Widest text of a peer in a line. */
const LINE_TEXT = 72;

/** Bytes in a line of hex, and lines of it for one field. */
const HEX_LINE = 16;
const HEX_LINES = 4;

export interface LineContext {
  readonly colours: Colours;
  readonly connection: number;
  /** The time column, given the item's time. */
  readonly time: (time: number | undefined) => string;
}

/** One line about an item, with its problems. */
export function itemLine(followed: FollowedItem, context: LineContext): string {
  const { colours, connection, time } = context;
  const { item, problems } = followed;
  const arrow = item.direction === "to-application" ? colours.cyan("->") : colours.magenta("<-");
  const start = `${colours.dim(time(item.time))} ${String(connection).padStart(3)} ${arrow}`;
  const wrong = problems.length === 0 ? "" : ` ${colours.red(`! ${printable(problems.join("; "))}`)}`;
  switch (item.type) {
    case "record": {
      const id = idPaint(colours, item.requestId)(`#${item.requestId}`.padEnd(6));
      const name = typeName(item.recordType).padEnd(17);
      const size = `${item.contentLength}+${item.paddingLength}`.padStart(9);
      return `${start} ${id} ${colours.bold(name)} ${colours.dim(size)}  ${detail(followed, item)}${wrong}`.trimEnd();
    }
    case "fragment":
      return `${start} ${"".padEnd(6)} ${colours.red("not a record".padEnd(17))} ${String(item.bytes.length).padStart(9)} ${wrong}`;
    case "gap":
      return `${start} ${"".padEnd(6)} ${colours.red("gap".padEnd(17))} ${String(item.missing).padStart(9)} ${wrong}`;
    case "end":
      return `${start} ${"".padEnd(6)} ${colours.dim(item.how)}${wrong}`;
  }
}

/** Colours that tell request ids apart. */
function idPaint(colours: Colours, id: number): Paint {
  const paints = [colours.green, colours.yellow, colours.blue, colours.magenta, colours.cyan];
  return id === NULL_REQUEST_ID ? colours.dim : (paints[(id - 1) % paints.length] ?? colours.green);
}

function detail(followed: FollowedItem, item: CapturedRecord): string {
  const { fields } = annotate(item.bytes, { before: followed.paramsBefore });
  const value = (name: string) => fields.find((field) => field.part === "content" && field.name === name);
  switch (item.recordType) {
    case RecordType.BEGIN_REQUEST: {
      const keeps = Number(value("flags")?.value ?? 0) % 2 === 1 ? ", keep connection" : "";
      const role = value("role")?.value;
      return `${typeof role === "number" ? (roleOf(role)?.[0] ?? `role ${role}`) : "no role"}${keeps}`;
    }
    case RecordType.END_REQUEST:
      return `status ${value("appStatus")?.value ?? "?"}, ${value("protocolStatus")?.meaning ?? "?"}`;
    case RecordType.UNKNOWN_TYPE:
      return value("type")?.meaning ?? "";
    case RecordType.PARAMS:
    case RecordType.GET_VALUES:
    case RecordType.GET_VALUES_RESULT: {
      if (item.contentLength === 0) return "end of params";
      const pairs = pairsOf(fields);
      const told = pairs.map(([name, text]) => (text === "" ? name : `${name}=${text}`)).join(" ");
      return `${pairs.length} pairs: ${shorten(printable(told), LINE_TEXT)}`;
    }
    default: {
      if (item.contentLength === 0) return item.recordType === RecordType.ABORT_REQUEST ? "" : "end of stream";
      const text = String(value("contentData")?.value ?? "");
      return `"${shorten(printable(text.slice(0, 4 * LINE_TEXT)), LINE_TEXT)}"`;
    }
  }
}

function pairsOf(fields: readonly AnnotatedField[]): (readonly [string, string])[] {
  const pairs: [string, string][] = [];
  for (const { part, name, value } of fields) {
    if (part !== "content") continue;
    if (name === "name") pairs.push([String(value ?? ""), ""]);
    const last = pairs.at(-1);
    if (name === "value" && last !== undefined) last[1] = String(value ?? "");
  }
  return pairs;
}

/** An item field by field: hex beside the meaning, sections of the specification, and the states of both sides. */
export function itemFields(followed: FollowedItem, colours: Colours): string {
  const { item } = followed;
  if (item.type !== "record" && item.type !== "fragment") return "";
  const { fields } = annotate(item.bytes, { before: followed.paramsBefore });
  const lines: string[] = [];
  let section = "";
  for (const field of fields) {
    const { start, end } = field;
    const shown = Math.min(end, start + HEX_LINE * HEX_LINES);
    const where = section === field.section ? "" : colours.dim(`  [${field.section}]`);
    section = field.section;
    const wrong = field.problem === undefined ? "" : colours.red(`  ! ${printable(field.problem)}`);
    lines.push(
      `${offset(start, colours)}${hexOf(item.bytes, start, Math.min(shown, start + HEX_LINE))} ${colours.bold(field.name.padEnd(14))} ` +
        `${printable(meaningOf(field))}${wrong}${where}`,
    );
    for (let at = start + HEX_LINE; at < shown; at += HEX_LINE) {
      lines.push(`${offset(at, colours)}${hexOf(item.bytes, at, Math.min(shown, at + HEX_LINE))}`.trimEnd());
    }
    if (shown < end) lines.push(`${" ".repeat(10)}${colours.dim(`... ${end - shown} more bytes`)}`);
  }
  if (followed.request !== undefined) {
    const { before, after } = followed;
    lines.push(
      `${" ".repeat(10)}${colours.dim("web server:")} ${move(before.webServer, after.webServer)}   ` +
        `${colours.dim("application:")} ${move(before.application, after.application)}`,
    );
  }
  return `${lines.join("\n")}\n`;
}

function move(before: string, after: string): string {
  return before === after ? after : `${before} -> ${after}`;
}

function offset(at: number, colours: Colours): string {
  return `    ${colours.dim(at.toString(16).padStart(5, "0"))} `;
}

function hexOf(bytes: Uint8Array, start: number, end: number): string {
  const digits = Array.from(bytes.subarray(start, end), (byte) => byte.toString(16).padStart(2, "0")).join(" ");
  return digits.padEnd(HEX_LINE * 3);
}

function meaningOf(field: AnnotatedField): string {
  const { meaning, value } = field;
  if (typeof value === "string" && value !== "") return `${meaning}: ${shorten(value, LINE_TEXT)}`;
  return meaning;
}

/** Everything about a request: params, streams, answer, times. */
export function requestText(request: FollowedRequest, connection: number, colours: Colours): string {
  const { times, end, states } = request;
  const answer = answerOf(request);
  const keeps = request.keepConnection ? ", keep connection" : "";
  const role = typeof request.role === "number" ? `role ${request.role}` : request.role;
  const lines = [
    colours.bold(`Request ${request.number}`) +
      ` (connection ${connection}, id ${request.requestId}, ${role}${keeps}, ${request.items.length} records)`,
    ...request.params.map(
      ([name, value]) => `  ${colours.cyan(printable(byteStringToUtf8(name)))} = ${printable(byteStringToUtf8(value))}`,
    ),
    `  STDIN ${request.stdin.length} bytes${request.stdin.ended ? "" : ", not ended"}`,
  ];
  if (request.data.records > 0)
    lines.push(`  DATA ${request.data.length} bytes${request.data.ended ? "" : ", not ended"}`);
  for (const line of textLines(request.stderr.content)) lines.push(`  ${colours.red("STDERR")} ${line}`);
  if (answer.head !== undefined) {
    for (const line of answer.head.split(/\r?\n/)) lines.push(`  ${colours.green(printable(line))}`);
  } else if (request.stdout.length > 0) {
    lines.push(`  ${colours.red("STDOUT without the end of a header block")}`);
  }
  lines.push(`  body ${answer.bodyLength} bytes`);
  const preview = textLines(answer.body.subarray(0, 1024)).slice(0, 8);
  for (const line of preview) lines.push(`  ${colours.dim("|")} ${shorten(line, 2 * LINE_TEXT)}`);
  if (end !== undefined) lines.push(`  ended: application status ${end.applicationStatus}, ${end.protocolStatus}`);
  else
    lines.push(`  ${colours.yellow("not ended")}: web server ${states.webServer}, application ${states.application}`);
  if (request.aborted) lines.push(`  ${colours.yellow("aborted by the web server")}`);
  const took = [
    ["params", times.params],
    ["first byte", times.firstByte],
    ["end", times.end],
  ].flatMap(([name, at]) =>
    typeof at === "number" && times.begin !== undefined ? [`${name} after ${(at - times.begin).toFixed(3)} ms`] : [],
  );
  if (took.length > 0) lines.push(`  ${colours.dim(took.join(", "))}`);
  for (const problem of new Set(request.problems)) lines.push(`  ${colours.red(`! ${printable(problem)}`)}`);
  return `${lines.join("\n")}\n`;
}

function textLines(bytes: Uint8Array): string[] {
  if (bytes.length === 0) return [];
  const text = byteStringToUtf8(bytesToByteString(bytes));
  return text
    .replace(/\r?\n$/, "")
    .split(/\r?\n/)
    .map(printable);
}
