// Who the visitor is behind proxies: what X-Forwarded-* or Forwarded (RFC 7239) say, as far as the peer that sent them is
// trusted. Walks from the nearest peer outwards and stops at the first that is not, as nginx's `real_ip_recursive`.

import type { NameValue } from "../../cgi/index.ts";
import type { RequestInfo } from "../options.ts";
import { type AddressRanges, addressRanges, parseAddress } from "./address-ranges.ts";
import { hostName } from "./target.ts";

/** A fact about a visitor that a proxy can forward. */
export type Forwarded = "for" | "proto" | "host" | "port";

/** Those that every proxy writes itself. The others are often passed on as the visitor sent them. */
const USUALLY_TAKEN: readonly Forwarded[] = ["for", "proto"];

/** What is taken from trusted peers. */
export interface ForwardedOptions {
  /**
   * Which headers the proxy writes: X-Forwarded-* (default) or Forwarded. Only one kind is read: the other may be the
   * visitor's, passed on by a proxy that does not know it.
   */
  readonly kind?: "x-forwarded" | "forwarded";
  /** Which of them the proxy writes or removes, for the same reason. `for` and `proto`. */
  readonly take?: readonly Forwarded[];
}

/** Peers to believe, and what of. Made by `trustedPeers`. */
export interface TrustedPeers {
  readonly ranges: AddressRanges;
  readonly kind: "x-forwarded" | "forwarded";
  readonly takes: ReadonlySet<string>;
}

/**
 * @param from addresses and ranges of proxies; `unix:` for those that come over a Unix socket
 * @throws {RangeError} for what is neither
 */
export function trustedPeers(from: readonly string[], options: ForwardedOptions = {}): TrustedPeers {
  return {
    ranges: addressRanges(from),
    kind: options.kind ?? "x-forwarded",
    takes: new Set(options.take ?? USUALLY_TAKEN),
  };
}

/** The visitor, and the address under which the visitor knows this server. */
export interface Client {
  /** Absent when the connection has none. */
  readonly remoteAddress: string | undefined;
  /** Absent when the proxy did not tell. */
  readonly remotePort: number | undefined;
  /** As the visitor's connection had it; `undefined` when nobody knows. */
  readonly scheme: "http" | "https" | undefined;
  /** What the visitor's Host header said, with a port if it had one. */
  readonly host: string | undefined;
  /** The port the visitor connected to. */
  readonly port: number | undefined;
  /** Whether the peer was trusted, so that any of this may come from a header. */
  readonly trusted: boolean;
}

/** One proxy's report on who asked it. */
interface Hop {
  readonly address?: string | undefined;
  readonly port?: number | undefined;
  readonly proto?: string | undefined;
  readonly host?: string | undefined;
}

/** Reports read of one request: proxies come in ones and twos, and each costs a look at the ranges. */
const MAX_HOPS = 32;

/**
 * Who sent a request. Without a trusted peer, and for what its headers do not say, that is what `info` says.
 *
 * @param headers the request's, repeated names kept; read more than once
 * @throws {GatewayError} `GATEWAY_BAD_REQUEST`: a trusted peer forwards a host that is none
 */
export function clientOf(info: RequestInfo, headers: Iterable<NameValue>, trusted: TrustedPeers): Client {
  if (!trusted.ranges.has(info.remoteAddress)) {
    return { ...connection(info), host: headerValue(headers, "host"), trusted: false };
  }
  const { kind, takes } = trusted;
  const hops = kind === "forwarded" ? standardHops(headers) : commonHops(headers);

  // How many reports to believe: the nearest peer's, and each further one that a trusted peer made.
  let depth = 0;
  let client: Hop | undefined;
  const reports = takes.has("for") ? hops.for : [];
  for (let at = reports.length - 1; at >= 0 && depth < MAX_HOPS; at--) {
    const report = reports[at] as Hop;
    if (report.address === undefined) break;
    client = report;
    depth++;
    if (!trusted.ranges.has(report.address)) break;
  }

  const scheme = takes.has("proto") ? schemeOf(pick(hops.proto, depth)) : undefined;
  const host = takes.has("host") ? pick(hops.host, depth) : undefined;
  hostName(host ?? null);
  const port = takes.has("port") ? portOf(pick(hops.port, depth)) : undefined;
  const own = connection(info);
  return {
    remoteAddress: client?.address ?? own.remoteAddress,
    remotePort: client === undefined ? own.remotePort : client.port,
    scheme: scheme ?? own.scheme,
    host: host ?? headerValue(headers, "host"),
    port: port ?? (host === undefined && scheme === undefined ? own.port : portOfHost(host, scheme ?? own.scheme)),
    trusted: true,
  };
}

function connection(info: RequestInfo) {
  return {
    remoteAddress: info.remoteAddress,
    remotePort: info.remotePort,
    scheme: info.scheme,
    port: info.serverPort,
  };
}

/** What was said of each hop, the nearest last. Lists may differ in length: not every proxy appends to each header. */
interface Hops {
  readonly for: readonly Hop[];
  readonly proto: readonly string[];
  readonly host: readonly string[];
  readonly port: readonly string[];
}

function commonHops(headers: Iterable<NameValue>): Hops {
  const lists = { for: [] as string[], proto: [] as string[], host: [] as string[], port: [] as string[] };
  for (const [name, value] of headers) {
    if (name.length < 15 || name.length > 17) continue;
    const lower = name.toLowerCase();
    if (!lower.startsWith("x-forwarded-")) continue;
    const list = lists[lower.slice(12) as keyof typeof lists] as string[] | undefined;
    if (list === undefined) continue;
    for (const part of value.split(",")) list.push(part.trim());
  }
  return { ...lists, for: lists.for.map(nodeOf) };
}

/** Forwarded: elements at commas, pairs at semicolons, outside of quotes (RFC 7239, section 4). */
function standardHops(headers: Iterable<NameValue>): Hops {
  const hops: Hop[] = [];
  for (const [name, value] of headers) {
    if (name.length !== 9 || name.toLowerCase() !== "forwarded") continue;
    for (const element of splitOutsideQuotes(value, ",")) hops.push(elementOf(element));
  }
  return {
    for: hops,
    // A hop that says nothing keeps its place in the list.
    proto: hops.map(({ proto }) => proto ?? ""),
    host: hops.map(({ host }) => host ?? ""),
    port: [],
  };
}

function elementOf(element: string): Hop {
  const pairs = new Map<string, string>();
  for (const pair of splitOutsideQuotes(element, ";")) {
    const match = /^\s*([!#$%&'*+\-.^_`|~0-9A-Za-z]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s",;=]*))\s*$/.exec(pair);
    const name = match?.[1]?.toLowerCase();
    // Malformed, or said twice: then nothing of the element counts.
    if (match === null || name === undefined || pairs.has(name)) return {};
    pairs.set(name, match[2]?.replace(/\\(.)/g, "$1") ?? match[3] ?? "");
  }
  return { ...nodeOf(pairs.get("for") ?? ""), proto: pairs.get("proto"), host: pairs.get("host") };
}

function splitOutsideQuotes(text: string, separator: string): string[] {
  const parts: string[] = [];
  let quoted = false;
  let from = 0;
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    if (quoted && char === "\\") at++;
    else if (char === '"') quoted = !quoted;
    else if (char === separator && !quoted) {
      parts.push(text.slice(from, at));
      from = at + 1;
    }
  }
  parts.push(text.slice(from));
  return parts;
}

/** `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`, `[2001:db8::1]:4711`; nothing for `unknown` and made-up names. */
function nodeOf(text: string): Hop {
  const match = /^(?:\[([^\]]*)\]|([0-9.]+)|([0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*))(?::([0-9]{1,5}))?$/.exec(
    text,
  );
  const address = match?.[1] ?? match?.[2] ?? match?.[3];
  if (address === undefined || parseAddress(address) === undefined) return {};
  return { address, port: portOf(match?.[4]) };
}

/** The report of the outermost hop to believe; a single one was written by the nearest peer about the whole way. */
function pick(list: readonly string[], depth: number): string | undefined {
  const value = list.at(-Math.min(Math.max(depth, 1), list.length));
  return value === "" ? undefined : value;
}

function schemeOf(value: string | undefined): "http" | "https" | undefined {
  const lower = value?.toLowerCase();
  return lower === "http" || lower === "https" ? lower : undefined;
}

function portOf(value: string | undefined): number | undefined {
  if (value === undefined || !/^[0-9]{1,5}$/.test(value)) return undefined;
  const port = Number(value);
  return port >= 1 && port <= 65_535 ? port : undefined;
}

function portOfHost(host: string | undefined, scheme: "http" | "https" | undefined): number | undefined {
  return (
    portOf(/:([0-9]+)$/.exec(host ?? "")?.[1]) ?? (scheme === undefined ? undefined : scheme === "https" ? 443 : 80)
  );
}

function headerValue(headers: Iterable<NameValue>, wanted: string): string | undefined {
  for (const [name, value] of headers) if (name.length === wanted.length && name.toLowerCase() === wanted) return value;
  return undefined;
}
