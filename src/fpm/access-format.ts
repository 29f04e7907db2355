// `access.format`: compiled once into a function from a request to its line. The codes are php-fpm's (fpm_log.c).

import type { RequestInfo } from "./request.ts";
import { accessTime, strftime } from "./strftime.ts";

/** A request that is over, as the access log sees it. Times are milliseconds since 1970. Texts are byte strings. */
export interface AccessRecord {
  readonly pool: string;
  /** The child's; the master's own for what the master answered itself. */
  readonly pid: number;
  readonly masterPid: number;
  readonly request: RequestInfo;
  /** IP address of the web server; "" on a Unix socket. */
  readonly remote: string;
  readonly acceptedAt: number;
  readonly endedAt: number;
  /** Per cent of a processor; undefined where it is not known, as of a thread. */
  readonly cpu?: number | undefined;
  /** Bytes; undefined where it is not known. */
  readonly memory?: number | undefined;
  /** HTTP status of the answer. */
  readonly status: number;
  /** Bytes of the answer, its head included. */
  readonly bytes: number;
  /** A response header: the first of that name, in any case. */
  header(name: string): string | undefined;
  /** A param of the request. */
  param(name: string): string | undefined;
}

/** Writes the line of a request, without its end. */
export type AccessFormat = (record: AccessRecord) => string;

/** `access.format` of php-fpm when none is given. */
export const DEFAULT_ACCESS_FORMAT = '%R - %u %t "%m %r" %s';

/** `access.format` cannot be used. The user's to mend. */
export class AccessFormatError extends Error {
  override readonly name = "AccessFormatError";
  readonly code = "CONFIG_ACCESS_FORMAT";
  /** Where the mistake is: characters from the start, from 0. */
  readonly position: number;
  /** What may stand there, in words. */
  readonly allowed: string;

  constructor(format: string, position: number, seen: string, allowed: string) {
    super(`access.format ${JSON.stringify(format)}, at character ${position + 1}: ${seen}; allowed: ${allowed}`);
    this.position = position;
    this.allowed = allowed;
  }
}

/** What stands between braces before a code: `%{...}code`. "" without braces. */
type Piece = (record: AccessRecord) => string;

interface Code {
  /** Words for an error: what may stand in the braces. Undefined: braces are not allowed. */
  readonly braces?: string;
  /** Undefined when `modifier` is not allowed. */
  piece(modifier: string): Piece | undefined;
}

const plain = (piece: Piece): Code => ({ piece: () => piece });

function choice(pieces: Readonly<Record<string, Piece>>, braces: string): Code {
  return { braces, piece: (modifier) => pieces[modifier.toLowerCase()] };
}

function named(braces: string, piece: (name: string) => Piece): Code {
  return { braces, piece: (modifier) => (modifier === "" ? undefined : piece(modifier)) };
}

const duration = ({ acceptedAt, endedAt }: AccessRecord): number => Math.max(0, endedAt - acceptedAt);
const seconds: Piece = (record) => (duration(record) / 1000).toFixed(3);
const milliseconds: Piece = (record) => duration(record).toFixed(3);
const microseconds: Piece = (record) => String(Math.round(duration(record) * 1000));
const cpu: Piece = ({ cpu = 0 }) => cpu.toFixed(2);
const memory =
  (unit: number): Piece =>
  ({ memory = 0 }) =>
    String(Math.floor(memory / unit));
const time =
  (moment: (record: AccessRecord) => number) =>
  (modifier: string): Piece =>
    modifier === "" ? (record) => accessTime(moment(record)) : (record) => strftime(modifier, new Date(moment(record)));

const KILO = 1024;

const CODES: Readonly<Record<string, Code>> = {
  "%": plain(() => "%"),
  C: choice({ "": cpu, total: cpu, user: cpu, system: cpu }, "total, user or system"),
  d: choice(
    {
      "": seconds,
      seconds,
      milli: milliseconds,
      milliseconds,
      // php-fpm's older spelling.
      mili: milliseconds,
      miliseconds: milliseconds,
      micro: microseconds,
      microseconds,
    },
    "seconds, milli, milliseconds, micro or microseconds",
  ),
  e: named("the name of a param, such as REMOTE_ADDR", (name) => (record) => record.param(name) ?? "-"),
  f: plain(({ request }) => request.script || "-"),
  l: plain(({ request }) => String(request.contentLength)),
  m: plain(({ request }) => request.method || "-"),
  M: choice(
    {
      "": memory(1),
      bytes: memory(1),
      kilo: memory(KILO),
      kilobytes: memory(KILO),
      mega: memory(KILO * KILO),
      megabytes: memory(KILO * KILO),
    },
    "bytes, kilo, kilobytes, mega or megabytes",
  ),
  n: plain(({ pool }) => pool || "-"),
  o: named("the name of a response header, such as Content-Type", (name) => (record) => record.header(name) || "-"),
  p: plain(({ pid }) => String(pid)),
  P: plain(({ masterPid }) => String(masterPid)),
  q: plain(({ request }) => request.query),
  Q: plain(({ request }) => (request.query === "" ? "" : "?")),
  r: plain(({ request }) => request.uri),
  R: plain(({ remote }) => remote || "-"),
  s: plain(({ status }) => String(status)),
  t: { braces: "a format of strftime(3)", piece: time(({ acceptedAt }) => acceptedAt) },
  T: { braces: "a format of strftime(3)", piece: time(({ endedAt }) => endedAt) },
  u: plain(({ request }) => request.user),
};

/** Longest line, in characters: a request's head may be longer than anybody wants to keep. php-fpm cuts at 1024. */
const LONGEST_LINE = 8 * 1024;

/**
 * Compiles an access format.
 *
 * Bytes that do not belong into one line of a log are written as `\xNN`, as nginx does; php-fpm writes them as they are.
 *
 * @throws {AccessFormatError} `CONFIG_ACCESS_FORMAT`, at the first mistake
 */
export function compileAccessFormat(format: string): AccessFormat {
  const pieces: Piece[] = [];
  let text = "";
  let at = 0;
  while (at < format.length) {
    const start = at;
    const character = format.charAt(at);
    at += 1;
    if (character !== "%") {
      text += character;
      continue;
    }
    let modifier = "";
    let braces = false;
    while (format[at] === "{") {
      const end = format.indexOf("}", at);
      if (end === -1) throw new AccessFormatError(format, at, "a brace that is never closed", "%{...} and a code");
      modifier = format.slice(at + 1, end);
      braces = true;
      at = end + 1;
    }
    const letter = format[at];
    // As php-fpm: a per cent sign at the very end is nothing.
    if (letter === undefined && !braces) break;
    const code = letter === undefined ? undefined : CODES[letter];
    if (letter === undefined || code === undefined) {
      const seen = letter === undefined ? "the end after a brace" : `%${letter}`;
      throw new AccessFormatError(
        format,
        start,
        seen,
        `one of ${Object.keys(CODES)
          .map((name) => `%${name}`)
          .join(" ")}`,
      );
    }
    const piece = modifier !== "" && code.braces === undefined ? undefined : code.piece(modifier);
    if (piece === undefined) {
      const seen = `%${modifier === "" ? "" : `{${modifier}}`}${letter}`;
      const allowed = code.braces === undefined ? `%${letter}, without braces` : `%{...}${letter} with ${code.braces}`;
      throw new AccessFormatError(format, start, seen, allowed);
    }
    if (text !== "") pieces.push(constant(text));
    text = "";
    pieces.push(piece);
    at += 1;
  }
  if (text !== "") pieces.push(constant(text));
  return (record) => {
    let line = "";
    for (const piece of pieces) line += piece(record);
    return printable(line.length > LONGEST_LINE ? line.slice(0, LONGEST_LINE) : line);
  };
}

function constant(text: string): Piece {
  return () => text;
}

function printable(line: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it is about
  return line.replace(/[\u0000-\u001f\u007f]/g, (character) => {
    return `\\x${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`;
  });
}
