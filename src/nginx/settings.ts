// What is said for a server as a whole and again for its locations, as it is in force in one of them.

import type { LocationSettings } from "../gateway/config/location.ts";
import type { Directive } from "./parse.ts";
import { secondsOf, sizeOf, timeOf } from "./units.ts";
import { type Place, templateOf } from "./variables.ts";

export type SettingsDraft = { -readonly [K in keyof LocationSettings]: LocationSettings[K] };

/** nginx's own defaults where ours are others. */
const MAX_BODY = 1024 * 1024;
const INDEX = ["index.html"];

/** Headers whose values can be joined with commas. */
const LISTS = /^(?:cache-control|vary|link|allow|content-security-policy|permissions-policy)$/i;

/** @param prefix the folder that relative ones are relative to */
export function settingsOf(place: Place, prefix: string): SettingsDraft {
  const { scope } = place;
  const draft: SettingsDraft = {};
  const root = scope.one("root");
  const folder = root === undefined ? `${prefix}/html` : templateOf(root.args[0] ?? "", root, place);
  if (folder?.includes("$") === true && root !== undefined) {
    scope.report.leave("unsupported", root, "the folder depends on the request: what is below it is answered 404");
  } else if (folder !== undefined && folder !== "")
    draft.root = folder.startsWith("/") ? folder : `${prefix}/${folder}`;

  draft.index = indexOf(place);
  const body = scope.measure("client_max_body_size", sizeOf) ?? MAX_BODY;
  draft.maxBody = body === 0 ? Number.MAX_SAFE_INTEGER : body;
  const read = scope.one("fastcgi_pass") === undefined ? undefined : scope.measure("fastcgi_read_timeout", timeOf);
  const slow = scope.measure("client_body_timeout", timeOf);
  if (read !== undefined || slow !== undefined) {
    draft.timeouts = { ...(read !== undefined && { read }), ...(slow !== undefined && { body: slow }) };
  }
  const expires = expiresOf(place);
  if (expires !== undefined) draft.expires = expires;
  const headers = headersOf(place, expires);
  if (Object.keys(headers).length > 0) draft.headers = headers;
  const pages = pagesOf(place);
  if (Object.keys(pages).length > 0) draft.errorPages = pages;
  const compress = compressOf(place);
  if (compress !== undefined) draft.compress = compress;
  const access = accessOf(place);
  if (access.length > 0) draft.access = access;
  if (scope.value("access_log") === "off") draft.accessLog = false;
  return draft;
}

function indexOf({ scope }: Place): string[] {
  const directives = scope.all("index");
  if (directives.length === 0) return INDEX;
  const names: string[] = [];
  for (const one of directives) {
    for (const name of one.args) {
      if (name.startsWith("/") || name.includes("$")) {
        scope.report.leave("unsupported", one, `index has names of files only, not ${name}`);
      } else names.push(name);
    }
  }
  return names;
}

function expiresOf({ scope }: Place): number | "max" | "epoch" | undefined {
  const directive = scope.one("expires");
  const [value = "", ...more] = directive?.args ?? [];
  if (directive === undefined || value === "off") return undefined;
  if (more.length > 0) {
    scope.report.leave("unsupported", directive, "times are counted from the request only");
    return undefined;
  }
  if (value === "max" || value === "epoch") return value;
  if (value.startsWith("-")) return -1;
  const seconds = secondsOf(value.replace(/^\+/, ""));
  if (seconds === undefined) scope.report.leave("unsupported", directive, "its value is no fixed time");
  return seconds;
}

function headersOf(place: Place, expires: number | "max" | "epoch" | undefined): Record<string, string> {
  const headers: Record<string, string> = {};
  const names = new Map<string, string>();
  for (const one of place.scope.all("add_header")) {
    const [name = "", written = ""] = one.args;
    const value = templateOf(written, one, place);
    // nginx adds no header without a value.
    if (value === undefined || value === "") continue;
    const before = names.get(name.toLowerCase());
    if (before !== undefined && !LISTS.test(name)) {
      place.scope.report.leave("unsupported", one, `there is one ${name} in the table of headers`);
      continue;
    }
    const key = before ?? name;
    names.set(name.toLowerCase(), key);
    headers[key] = before === undefined ? value : `${headers[before]}, ${value}`;
  }
  // nginx sends both; a header of the table would take the place of the one that `expires` makes.
  const control = names.get("cache-control");
  if (
    control !== undefined &&
    typeof expires === "number" &&
    expires >= 0 &&
    !/max-age/i.test(headers[control] ?? "")
  ) {
    headers[control] = `max-age=${expires}, ${headers[control]}`;
  }
  return headers;
}

function pagesOf(place: Place): Record<string, string> {
  const pages: Record<string, string> = {};
  for (const one of place.scope.all("error_page")) {
    const statuses = one.args.filter((arg) => /^\d{3}$/.test(arg));
    const change = one.args.find((arg) => /^=\d*$/.test(arg));
    const target = templateOf(one.args.at(-1) ?? "", one, place);
    if (target === undefined || statuses.length === 0) continue;
    pages[statuses.join(" ")] = change === undefined ? target : `${change} ${target}`;
  }
  return pages;
}

function compressOf({ scope }: Place): LocationSettings["compress"] {
  const on = scope.flag("gzip");
  const types = scope.all("gzip_types").flatMap(({ args }) => args);
  const least = scope.measure("gzip_min_length", sizeOf) ?? 20;
  if (on !== true) return undefined;
  return { types: types.includes("*") ? ["*"] : [...new Set(["text/html", ...types])], minLength: least };
}

function accessOf({ scope }: Place): NonNullable<LocationSettings["access"]> {
  // Both kinds are one list, in the order written.
  for (const one of scope.chain()) {
    const rules = one.directives.filter(({ name }) => name === "allow" || name === "deny");
    if (rules.length === 0) continue;
    for (const rule of rules) scope.report.take(rule);
    return rules.map((rule) => ruleOf(rule));
  }
  return [];
}

function ruleOf({ name, args: [range = ""] }: Directive): { readonly allow: string } | { readonly deny: string } {
  const plain = withoutHostBits(range);
  return name === "allow" ? { allow: plain } : { deny: plain };
}

/** nginx forgives `10.1.2.3/8`. */
function withoutHostBits(range: string): string {
  const match = /^(\d+)\.(\d+)\.(\d+)\.(\d+)\/(\d+)$/.exec(range);
  if (match === null) return range;
  const [a, b, c, d, bits] = match.slice(1).map(Number) as [number, number, number, number, number];
  const mask = bits === 0 ? 0 : (0xffffffff << (32 - bits)) >>> 0;
  const number = ((a << 24) | (b << 16) | (c << 8) | d) & mask;
  return `${[24, 16, 8, 0].map((shift) => (number >>> shift) & 255).join(".")}/${bits}`;
}
