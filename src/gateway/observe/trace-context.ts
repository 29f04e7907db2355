// W3C Trace Context: which trace a request belongs to, read from the visitor's headers and told to the application.
// https://www.w3.org/TR/trace-context/ (and level 2's random flag)

import type { NameValue } from "../../cgi/index.ts";

/** One place in a trace. */
export interface TraceContext {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** Of the span that whoever is asked next is a child of; 16 hexadecimal digits. */
  readonly spanId: string;
  /** Bit 0: sampled; bit 1: the id is random. */
  readonly flags: number;
  /** The vendors' list, passed on as it came; empty when there is none. */
  readonly state: string;
}

/** Fills bytes with chance; `crypto.getRandomValues` is one. */
export type Random = (bytes: Uint8Array<ArrayBuffer>) => unknown;

const SAMPLED = 1;
const RANDOM = 2;
const EMPTY_TRACE = "0".repeat(32);
const EMPTY_SPAN = "0".repeat(16);

/**
 * The trace of a request; `undefined` when its headers name none, or are malformed in any way: then a new trace begins,
 * and nothing of theirs is passed on.
 */
export function traceOf(headers: Iterable<NameValue>): TraceContext | undefined {
  let parent: string | undefined;
  const states: string[] = [];
  for (const [name, value] of headers) {
    if (name.length === 11 && name.toLowerCase() === "traceparent") {
      if (parent !== undefined) return undefined;
      parent = value;
    } else if (name.length === 10 && name.toLowerCase() === "tracestate") states.push(value);
  }
  const context = parent === undefined ? undefined : parseTraceparent(parent);
  return context === undefined ? undefined : { ...context, state: parseTracestate(states) };
}

/** Reads a traceparent. Of a later version only what version 00 has. */
export function parseTraceparent(text: string): Omit<TraceContext, "state"> | undefined {
  const match = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/s.exec(text);
  if (match === null) return undefined;
  const [, version = "", traceId = "", spanId = "", flags = "", more] = match;
  if (version === "ff" || (version === "00" && more !== undefined)) return undefined;
  if (traceId === EMPTY_TRACE || spanId === EMPTY_SPAN) return undefined;
  // Flags that nobody knows mean nothing, and are not passed on.
  return { traceId, spanId, flags: Number.parseInt(flags, 16) & (SAMPLED | RANDOM) };
}

/** Members of a list (section 3.3.1.1), and bytes that are passed on (3.3.1.5). */
const MAX_MEMBERS = 32;
const MAX_STATE = 512;
const KEY = /^(?:[a-z][a-z0-9_\-*/]{0,255}|[a-z0-9][a-z0-9_\-*/]{0,240}@[a-z][a-z0-9_\-*/]{0,13})$/;
const VALUE = /^[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/;

/** One list of all tracestate headers; empty when it is malformed. Longer than 512 bytes, its oldest members go. */
export function parseTracestate(values: readonly string[]): string {
  const members: string[] = [];
  const keys = new Set<string>();
  for (const value of values) {
    for (const part of value.split(",")) {
      const member = part.replace(/^[ \t]+|[ \t]+$/g, "");
      if (member === "") continue;
      const equals = member.indexOf("=");
      const key = member.slice(0, Math.max(0, equals));
      if (!KEY.test(key) || !VALUE.test(member.slice(equals + 1)) || keys.has(key)) return "";
      keys.add(key);
      members.push(member);
      if (members.length > MAX_MEMBERS) return "";
    }
  }
  let length = members.join(",").length;
  // The longest go first, then those at the end: the nearest sender stands at the beginning.
  for (let i = members.length - 1; i >= 0 && length > MAX_STATE; i--) {
    if ((members[i] as string).length > 128) length -= removed(members, i);
  }
  while (length > MAX_STATE) length -= removed(members, members.length - 1);
  return members.join(",");
}

function removed(members: string[], index: number): number {
  return (members.splice(index, 1)[0] as string).length + 1;
}

/** A new trace. `sampled` tells the application's tracer to record it. */
export function startTrace(random: Random, sampled = true): TraceContext {
  return { traceId: hexId(random, 16), spanId: hexId(random, 8), flags: RANDOM | (sampled ? SAMPLED : 0), state: "" };
}

/** As it stands in a header. Always version 00. */
export function traceparent(context: TraceContext): string {
  return `00-${context.traceId}-${context.spanId}-${context.flags.toString(16).padStart(2, "0")}`;
}

/**
 * Request headers with this trace and no other: an application gets HTTP_TRACEPARENT, and HTTP_TRACESTATE if there is one.
 */
export function* withTrace(
  headers: Iterable<NameValue>,
  context: TraceContext | undefined,
): Generator<NameValue, void, undefined> {
  for (const header of headers) {
    const { length } = header[0];
    if ((length === 11 || length === 10) && /^trace(?:parent|state)$/i.test(header[0])) continue;
    yield header;
  }
  if (context === undefined) return;
  yield ["traceparent", traceparent(context)];
  if (context.state !== "") yield ["tracestate", context.state];
}

/** An id in hexadecimal digits, as `$request_id` is: `bytes` of chance, never all zeros. */
export function hexId(random: Random, bytes: 8 | 16): string {
  const id = new Uint8Array(bytes);
  do random(id);
  while (id.every((byte) => byte === 0));
  let text = "";
  for (const byte of id) text += (byte < 16 ? "0" : "") + byte.toString(16);
  return text;
}
