// One location, compiled with everything its site says.

import { toByteString } from "../../cgi/index.ts";
import { addressRanges } from "../request/address-ranges.ts";
import type { CacheUse, FastCgi, Location, LocationSettings, Rewrite, Template } from "./location.ts";
import { compileRegex } from "./regex.ts";
import type {
  CompiledErrorPage,
  CompiledFallback,
  CompiledMatch,
  CompiledRewrite,
  ResolvedCache,
  ResolvedFastCgi,
  ResolvedLocation,
  ResolvedRole,
} from "./resolved.ts";
import { compileTarget, compileTemplate, compileUrl } from "./template.ts";

/** Types worth compressing: text, and what is text by another name. */
const COMPRESSED_TYPES = [
  "text/*",
  "application/javascript",
  "application/json",
  "application/ld+json",
  "application/manifest+json",
  "application/wasm",
  "application/xml",
  "application/rss+xml",
  "application/atom+xml",
  "image/svg+xml",
];

/** Settings by their keys, so that what is no setting (`hosts`, `sites`, `prefix` ...) is not inherited. */
const SETTINGS = {
  root: 1,
  index: 1,
  frontController: 1,
  scriptExtensions: 1,
  tryFiles: 1,
  headers: 1,
  expires: 1,
  errorPages: 1,
  fastcgi: 1,
  cache: 1,
  authorizer: 1,
  filter: 1,
  compress: 1,
  maxBody: 1,
  timeouts: 1,
  access: 1,
  accessLog: 1,
} as const satisfies Record<keyof LocationSettings, 1>;

/** Settings of `outer` and `inner`, where `inner` wins; those that are tables are joined. */
export function mergeSettings(outer: LocationSettings, inner: LocationSettings): LocationSettings {
  const merged: Record<string, unknown> = {};
  for (const key of Object.keys(SETTINGS) as (keyof LocationSettings)[]) {
    const value = inner[key] ?? outer[key];
    if (value !== undefined) merged[key] = value;
  }
  return {
    ...merged,
    ...joined("headers", outer.headers, inner.headers),
    ...joined("errorPages", outer.errorPages, inner.errorPages),
    ...joined("timeouts", outer.timeouts, inner.timeouts),
    ...joined("fastcgi", outer.fastcgi, inner.fastcgi),
    ...(outer.fastcgi?.params !== undefined && inner.fastcgi !== undefined
      ? {
          fastcgi: {
            ...outer.fastcgi,
            ...inner.fastcgi,
            params: { ...outer.fastcgi.params, ...inner.fastcgi.params },
          },
        }
      : {}),
  };
}

function joined(key: string, outer: object | undefined, inner: object | undefined): Record<string, object> {
  return outer === undefined && inner === undefined ? {} : { [key]: { ...outer, ...inner } };
}

export interface SiteFacts {
  /** Whether `fastcgi` is about scripts only when nobody says so. */
  readonly scriptsOnly: boolean;
  readonly followSymlinks: boolean;
}

/** @param location `undefined` for the one of paths that no location is for */
export function compileLocation(
  location: Location | undefined,
  site: LocationSettings,
  facts: SiteFacts,
): ResolvedLocation {
  const settings = mergeSettings(site, location ?? {});
  const scriptsOnly =
    location?.fastcgi === undefined ? (settings.fastcgi?.scriptsOnly ?? true) : (location.fastcgi.scriptsOnly ?? false);
  const fastcgi = compileFastCgi({ ...settings.fastcgi, scriptsOnly });
  const match = compileMatch(location);
  const { compress, timeouts } = settings;
  return {
    id: idOf(location),
    match,
    internal: location?.internal === true,
    deny: location?.deny === true ? 403 : location?.deny,
    return: compileReturn(location),
    rewrite: compileRewrites(location?.rewrite ?? []),
    mode: scriptsOnly ? "files" : "fastcgi",
    root: (settings.root ?? ".").replace(/(?<=.)\/$/, ""),
    alias: location?.alias,
    index: (settings.index ?? ["index.php", "index.html"]).map(toByteString),
    frontController: settings.frontController === undefined ? undefined : toByteString(settings.frontController),
    scriptExtensions: (settings.scriptExtensions ?? [".php"]).map(toByteString),
    followSymlinks: facts.followSymlinks,
    tryFiles: compileTryFiles(settings.tryFiles),
    headers: Object.entries(settings.headers ?? {}).map(([name, value]) => ({ name, value: compileTemplate(value) })),
    expires: settings.expires,
    errorPages: compileErrorPages(settings.errorPages ?? {}),
    fastcgi,
    cache: settings.cache === undefined || settings.cache === false ? undefined : compileCache(settings.cache),
    authorizer: compileRole(settings.authorizer),
    filter: compileRole(settings.filter),
    compress:
      compress === undefined || compress === false
        ? undefined
        : { types: COMPRESSED_TYPES, minLength: 1024, ...(compress === true ? {} : compress) },
    maxBody: settings.maxBody,
    timeouts: { read: timeouts?.read, body: timeouts?.body },
    access: (settings.access ?? []).map((rule) => {
      const allow = "allow" in rule;
      const range = allow ? rule.allow : rule.deny;
      return { allow, ranges: range === "all" ? undefined : addressRanges([range]) };
    }),
    accessLog: settings.accessLog !== false,
  };
}

function compileMatch(location: Location | undefined): CompiledMatch {
  if (location === undefined) return { type: "default" };
  if ("exact" in location) return { type: "exact", path: toByteString(location.exact) };
  if ("prefix" in location) {
    return { type: "prefix", path: toByteString(location.prefix), final: location.final === true };
  }
  if ("regex" in location) return { type: "regex", regex: compileRegex(location.regex) };
  return { type: "name", name: location.name };
}

/** A location as nginx writes it. */
function idOf(location: Location | undefined): string {
  if (location === undefined) return "default";
  if ("exact" in location) return `= ${location.exact}`;
  if ("prefix" in location) return location.final === true ? `^~ ${location.prefix}` : location.prefix;
  if ("name" in location) return location.name;
  const { regex } = location;
  if (typeof regex === "string") return `~ ${regex}`;
  return `${regex.flags.includes("i") ? "~*" : "~"} ${regex.source}`;
}

function compileReturn(location: Location | undefined): ResolvedLocation["return"] {
  const answer = location?.return;
  if (answer === undefined) return undefined;
  return {
    status: answer.status,
    location: answer.location === undefined ? undefined : compileUrl(answer.location),
    body: optional(answer.body),
    type: answer.type ?? "text/plain; charset=utf-8",
  };
}

function optional(template: Template | undefined) {
  return template === undefined ? undefined : compileTemplate(template);
}

export function compileRewrites(rewrites: readonly Rewrite[]): CompiledRewrite[] {
  return rewrites.map(({ from, to, flag }) => ({
    from: compileRegex(from),
    to: compileTarget(to),
    // As in nginx: another site cannot be gone to but by the visitor.
    flag: flag === "permanent" ? flag : /^(?:https?:\/\/|\$scheme)/.test(to) ? "redirect" : (flag ?? "last"),
  }));
}

function compileTryFiles(tryFiles: readonly Template[] | undefined): ResolvedLocation["tryFiles"] {
  const end = tryFiles?.at(-1);
  if (tryFiles === undefined || end === undefined) return undefined;
  const status = /^=(\d{3})$/.exec(end)?.[1];
  const last: CompiledFallback =
    status !== undefined
      ? { type: "status", status: Number(status) }
      : end.startsWith("@")
        ? { type: "named", name: end }
        : { type: "path", target: compileTarget(end) };
  const paths = tryFiles.slice(0, -1).map((text) => ({
    path: compileTemplate(text.replace(/\/$/, "")),
    folder: text.endsWith("/"),
  }));
  return { paths, last };
}

/** `=404 /page`, `= /page`, `/page`, `@name`, `https://...`: the status in front, and where to. */
const ERROR_PAGE: RegExp = /^(?:=(\d{3})?\s+)?(\S+)$/;

function compileErrorPages(pages: Readonly<Record<string, Template>>): Map<number, CompiledErrorPage> {
  const compiled = new Map<number, CompiledErrorPage>();
  for (const [statuses, text] of Object.entries(pages)) {
    const [, status, target = ""] = ERROR_PAGE.exec(text) ?? [];
    const page: CompiledErrorPage = {
      type: target.startsWith("@") ? "named" : /^https?:\/\/|^\$scheme/.test(target) ? "url" : "path",
      target: compileTarget(target),
      status: status !== undefined ? Number(status) : text.startsWith("=") ? "page" : "keep",
    };
    for (const one of statuses.split(/[\s,]+/)) compiled.set(Number(one), page);
  }
  return compiled;
}

function compileFastCgi(fastcgi: FastCgi & { readonly scriptsOnly: boolean }): ResolvedFastCgi {
  const lower = (names: readonly string[] = []) => new Set(names.map((name) => name.toLowerCase()));
  return {
    pass: fastcgi.pass,
    splitPathInfo: fastcgi.splitPathInfo === undefined ? undefined : compileRegex(fastcgi.splitPathInfo),
    script: optional(fastcgi.script),
    index: fastcgi.index === undefined ? undefined : toByteString(fastcgi.index),
    checkScript: fastcgi.checkScript !== false,
    scriptsOnly: fastcgi.scriptsOnly,
    params: compileParams(fastcgi.params),
    passRequestHeaders: fastcgi.passRequestHeaders !== false,
    passRequestBody: fastcgi.passRequestBody !== false,
    hideHeaders: lower(fastcgi.hideHeaders),
    passHeaders: lower(fastcgi.passHeaders),
    ignoreHeaders: lower(fastcgi.ignoreHeaders),
    buffering: fastcgi.buffering !== false,
    requestBuffering: fastcgi.requestBuffering !== false,
    limitRate: fastcgi.limitRate ?? 0,
    interceptErrors: fastcgi.interceptErrors === true,
    ignoreClientAbort: fastcgi.ignoreClientAbort === true,
    catchStderr: fastcgi.catchStderr ?? [],
    forceRanges: fastcgi.forceRanges === true,
  };
}

function compileParams(params: FastCgi["params"] = {}): ResolvedFastCgi["params"] {
  return Object.entries(params).map(([name, value]) =>
    typeof value === "string"
      ? { name: toByteString(name), value: compileTemplate(value), ifNotEmpty: false }
      : { name: toByteString(name), value: compileTemplate(value.value), ifNotEmpty: value.ifNotEmpty },
  );
}

function compileRole(written: LocationSettings["authorizer"]): ResolvedRole | undefined {
  if (written === undefined || written === false) return undefined;
  const role = typeof written === "string" ? { pass: written } : written;
  return {
    id: JSON.stringify([role.pass, role.script, role.params]),
    pass: role.pass,
    script: optional(role.script),
    params: compileParams(role.params),
  };
}

function compileCache(cache: CacheUse): ResolvedCache {
  const { lock } = cache;
  const valid = Object.entries(cache.valid ?? {}).map(
    ([status, seconds = 0]) => [status === "any" ? "any" : Number(status), seconds] as const,
  );
  return {
    zone: cache.zone,
    key: compileTemplate(cache.key ?? "$scheme$request_method$host$request_uri"),
    methods: new Set((cache.methods ?? ["GET", "HEAD"]).map((method) => method.toUpperCase())),
    valid: new Map(valid),
    bypass: (cache.bypass ?? []).map(compileTemplate),
    noCache: (cache.noCache ?? []).map(compileTemplate),
    minUses: cache.minUses ?? 1,
    useStale: new Set(cache.useStale ?? []),
    backgroundUpdate: cache.backgroundUpdate === true,
    // nginx's `fastcgi_cache_lock_timeout` and `_age`.
    lock: lock === undefined || lock === false ? undefined : { timeout: 5, age: 5, ...(lock === true ? {} : lock) },
    revalidate: cache.revalidate === true,
    tagHeader: cache.tagHeader ?? "Cache-Tag",
    showStatus: cache.showStatus === true,
  };
}
