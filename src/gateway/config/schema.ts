// The shape of a configuration: which keys there are and what may stand in them. What one part means for another is
// `references.ts`'s matter. Each message says what is allowed, to be read behind "allowed:".

import * as v from "valibot";
import { DEFAULT_LIMITS } from "../options.ts";
import { NEXT_CONDITIONS } from "../upstream/options.ts";
import { regexProblem } from "./regex.ts";

type Schema = v.GenericSchema<unknown>;

/** A table with these keys and no others. The message of another key lists those that are known. */
function table(entries: Readonly<Record<string, Schema>>): Schema {
  const known = Object.keys(entries).join(" ");
  const optional = Object.fromEntries(
    Object.entries(entries).map(([key, schema]) => [key, required.has(schema) ? schema : v.optional(schema)]),
  );
  return braces(v.objectWithRest(optional, v.never(known)));
}

/** Lists and expressions are objects too, but no tables. */
function braces(schema: Schema, message = "a table in braces"): Schema {
  const other = v.custom<never>(() => false, message);
  return v.lazy((input) =>
    typeof input === "object" && input !== null && !Array.isArray(input) && !(input instanceof RegExp) ? schema : other,
  );
}

const required = new WeakSet<Schema>();

/** Must be there, in a table. */
function must(schema: Schema): Schema {
  const copy = { ...schema };
  required.add(copy);
  return copy;
}

function list(of: Schema): Schema {
  return v.array(of, "a list in brackets");
}

function named(of: Schema): Schema {
  return braces(v.record(v.string(), of), "a table in braces, by name");
}

/** Whole numbers. */
function whole(min: number, max: number, unit = ""): Schema {
  const message = `a whole number from ${min} to ${max}${unit === "" ? "" : ` (${unit})`}`;
  return v.pipe(v.number(message), v.integer(message), v.minValue(min, message), v.maxValue(max, message));
}

function matching(pattern: RegExp, message: string): Schema {
  return v.pipe(v.string(message), v.regex(pattern, message));
}

/** One schema for tables and lists, another for everything else: complaints are then about the one that was meant. */
function either(plain: Schema, object: Schema): Schema {
  return v.lazy((input) => (typeof input === "object" && input !== null ? object : plain));
}

const flag = v.boolean("true or false");
const text = v.pipe(v.string("text"), v.minLength(1, "text, not empty"));
const template = v.string("text");
const path = matching(/^\//, "a path that begins with a slash");
/** The longest timer that platforms have: nearly 25 days. */
const milliseconds = whole(0, 2 ** 31 - 1, "milliseconds");
const seconds = whole(0, 10 * 366 * 24 * 3600, "seconds");
const bytes = whole(0, Number.MAX_SAFE_INTEGER, "bytes");
const count = whole(0, Number.MAX_SAFE_INTEGER);
const headerName = "a header's name: letters, digits and hyphens";
const headerNames = list(matching(/^[\w!#$%&'*+.^`|~-]+$/, headerName));

const regex = v.pipe(
  v.custom<RegExp | string>((value) => typeof value === "string" || value instanceof RegExp, "a regular expression"),
  v.rawCheck(({ dataset, addIssue }) => {
    const problem = dataset.typed ? regexProblem(dataset.value) : undefined;
    if (problem !== undefined) addIssue({ message: `a regular expression; ${problem}` });
  }),
);

/** Keys are headers' names. */
const headers = braces(
  v.record(
    matching(/^[\w!#$%&'*+.^`|~-]+$/, headerName) as v.GenericSchema<string, string>,
    // biome-ignore lint/suspicious/noControlCharactersInRegex: a header has none.
    matching(/^[^\x00-\x08\x0a-\x1f\x7f]*$/, "text without line breaks"),
  ),
  "a table of headers",
);

const params = braces(
  v.record(
    matching(/^[^\s=]+$/, "a param's name") as v.GenericSchema<string, string>,
    either(template, table({ value: must(template), ifNotEmpty: must(v.literal(true, "true")) })),
  ),
  "a table of params",
);

/** An authorizer or a filter. */
const role = either(
  v.union([v.literal(false), text], "the name or address of an application, a table, or false"),
  table({ pass: must(text), script: template, params }),
);

const fastcgi = table({
  pass: text,
  splitPathInfo: regex,
  script: template,
  index: matching(/^[^/]/, "a file name"),
  scriptsOnly: flag,
  checkScript: flag,
  params,
  passRequestHeaders: flag,
  passRequestBody: flag,
  hideHeaders: headerNames,
  passHeaders: headerNames,
  ignoreHeaders: headerNames,
  buffering: flag,
  requestBuffering: flag,
  limitRate: bytes,
  interceptErrors: flag,
  ignoreClientAbort: flag,
  catchStderr: list(text),
  forceRanges: flag,
});

const STALE = [
  "error",
  "timeout",
  "invalid-header",
  "updating",
  "http_500",
  "http_503",
  "http_403",
  "http_404",
  "http_429",
];

const cache = table({
  zone: must(text),
  key: template,
  methods: list(matching(/^[A-Za-z]+$/, "a method, e.g. GET")),
  valid: braces(
    v.record(matching(/^(?:any|[1-5]\d\d)$/, "a status or any") as v.GenericSchema<string, string>, seconds),
    "a table of seconds by status",
  ),
  bypass: list(template),
  noCache: list(template),
  minUses: whole(1, 1_000_000),
  useStale: list(v.picklist(STALE, `one of ${STALE.join(", ")}`)),
  backgroundUpdate: flag,
  lock: either(flag, table({ timeout: seconds, age: seconds })),
  revalidate: flag,
  tagHeader: matching(/^[\w!#$%&'*+.^`|~-]+$/, headerName),
  showStatus: flag,
});

/** Of sites and locations. */
const settings = {
  root: text,
  index: list(matching(/^[^/]/, "a file name")),
  frontController: matching(/^\/[^?]*$/, "a path that begins with a slash, without a query (see tryFiles)"),
  scriptExtensions: list(matching(/^\.[^/]+$/, "an extension that begins with a dot")),
  tryFiles: v.pipe(
    v.array(matching(/^[/$@=]/, "a path, or at the end =404 or @name"), "a list in brackets"),
    v.minLength(1, "at least one path"),
  ),
  headers,
  expires: v.union(
    [v.pipe(v.number(), v.integer(), v.minValue(-1)), v.picklist(["max", "epoch"])],
    'a whole number of seconds from -1, "max" or "epoch"',
  ),
  errorPages: braces(
    v.record(
      matching(/^[345]\d\d(?:[\s,]+[345]\d\d)*$/, "one or more statuses from 300 to 599") as v.GenericSchema<
        string,
        string
      >,
      matching(/^(?:=\d{0,3}\s+)?[/@$h]\S*$/, "a path, a URL or @name, perhaps with =200 in front"),
    ),
    "a table of pages by status",
  ),
  fastcgi,
  cache: either(v.literal(false, "a table, or false"), cache),
  authorizer: role,
  filter: role,
  compress: either(flag, table({ types: list(text), minLength: bytes })),
  maxBody: bytes,
  timeouts: table({ read: milliseconds, body: milliseconds }),
  access: list(table({ allow: text, deny: text })),
  accessLog: flag,
};

const rewrite = list(
  table({
    from: must(regex),
    to: must(template),
    flag: v.picklist(["last", "break", "redirect", "permanent"], "last, break, redirect or permanent"),
  }),
);

const location = table({
  exact: path,
  prefix: path,
  final: flag,
  regex,
  name: matching(/^@./, "a name that begins with @"),
  ...settings,
  internal: flag,
  deny: v.union([v.literal(true), v.picklist([403, 404])], "true, 403 or 404"),
  return: table({ status: must(whole(200, 599)), location: template, body: template, type: text }),
  rewrite,
  alias: text,
});

/** Letters, digits and hyphens between dots, with a star at one end at most. */
const HOST = /^(?:(?:\*\.|\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|[a-z0-9_-]+(?:\.[a-z0-9_-]+)*\.\*|\[[0-9a-f:.]+\])$/i;

const site = {
  ...settings,
  hosts: list(
    v.lazy((input) =>
      typeof input === "string"
        ? matching(HOST, "a host name such as example.org, *.example.org, .example.org or www.example.*")
        : regex,
    ),
  ),
  preset: v.picklist(["wordpress", "laravel", "symfony", "drupal"], "wordpress, laravel, symfony or drupal"),
  locations: list(location),
  rewrite,
  serverName: text,
  followSymlinks: flag,
};

const upstream = table({
  servers: must(
    v.pipe(
      v.array(
        either(
          text,
          table({
            address: must(text),
            weight: whole(1, 65_535),
            backup: flag,
            down: flag,
            maxFails: count,
            failTimeout: milliseconds,
            maxConnections: count,
          }),
        ),
        "a list in brackets",
      ),
      v.minLength(1, "at least one server"),
    ),
  ),
  balance: either(
    v.picklist(["round-robin", "least-connections", "random"], "round-robin, least-connections, random or { hash }"),
    table({ hash: must(template) }),
  ),
  keep: whole(0, 10_000),
  keepTimeout: milliseconds,
  connectTimeout: milliseconds,
  sendTimeout: milliseconds,
  readTimeout: milliseconds,
  queue: table({ size: count, timeout: milliseconds }),
  nextUpstream: table({
    on: list(v.picklist(NEXT_CONDITIONS, `one of ${NEXT_CONDITIONS.join(", ")}`)),
    tries: count,
    time: milliseconds,
  }),
  healthCheck: table({
    path: must(path),
    interval: milliseconds,
    timeout: milliseconds,
    rises: whole(1, 1000),
    falls: whole(1, 1000),
  }),
});

const pool = table({
  php: matching(/^\d\.\d$/, "a version such as 8.2"),
  pm: v.picklist(["static", "dynamic", "ondemand"], "static, dynamic or ondemand"),
  maxChildren: whole(1, 65_535),
  startServers: count,
  minSpareServers: count,
  maxSpareServers: count,
  processIdleTimeout: milliseconds,
  maxRequests: count,
  requestTerminateTimeout: milliseconds,
  listenBacklog: whole(1, 65_535),
  statusPath: path,
  pingPath: path,
  warmup: list(matching(/^(?:\/|https?:\/\/[^/])[^\0\r\n\s#]*$/i, "a path that begins with a slash, or an http URL")),
  snapshot: text,
  ini: named(template),
  env: named(template),
});

const cron = list(
  table({
    schedule: must(text),
    script: must(matching(/^\/[^\0\r\n#]*$/, "a path that begins with a slash")),
    name: matching(/^[\w./@-]{1,64}$/, "up to 64 letters, digits and any of . _ / @ -"),
    timezone: text,
    timeout: whole(100, 24 * 3600 * 1000, "milliseconds"),
    host: matching(/^[a-z0-9_.[\]:-]+$/i, "a host name"),
    scheme: v.picklist(["http", "https"], "http or https"),
    pass: text,
  }),
);

const mail = table({
  smtp: matching(/^smtps?:\/\/[^\s]+$/i, "smtp://user:password@host:port or smtps://..."),
  from: matching(/^[^\s<>@]+@[^\s<>@]+$/, "an address such as site@example.org"),
  limits: table({ size: bytes, recipients: count, perRequest: count }),
});

const STORES = ["memory", "disk", "cache-api"];

export const configSchema: Schema = table({
  ...site,
  sites: v.pipe(v.array(table(site), "a list in brackets"), v.minLength(1, "at least one site")),
  upstreams: named(upstream),
  pools: named(pool),
  caches: named(
    table({
      store: v.picklist(STORES, `one of ${STORES.join(", ")}`),
      maxSize: bytes,
      maxEntry: bytes,
      path: text,
      inactive: seconds,
    }),
  ),
  trustedProxies: table({
    from: must(list(text)),
    headers: v.picklist(["x-forwarded", "forwarded"], "x-forwarded or forwarded"),
    take: list(v.picklist(["for", "proto", "host", "port"], "for, proto, host or port")),
  }),
  cron: v.pipe(cron as v.GenericSchema<unknown[], unknown[]>, v.maxLength(100, "at most 100 jobs")),
  mail,
  listen: table({ host: text, port: whole(0, 65_535), path: text }),
  log: table({ format: template, file: text }),
  limits: table(Object.fromEntries(Object.keys(DEFAULT_LIMITS).map((name) => [name, bytes]))),
  underscoresInHeaders: flag,
  metrics: table({ path: must(path), allow: list(text) }),
  purge: table({
    allow: list(text),
    token: matching(/^[\w~+/.-]{16,}=*$/, "16 or more of the characters of a bearer token"),
  }),
  tracing: either(
    v.literal(false, "a table, or false"),
    table({ start: v.picklist(["sampled", "unsampled", "never"], "sampled, unsampled or never") }),
  ),
  serverTiming: flag,
  debug: flag,
});
