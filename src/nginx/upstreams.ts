// Applications: `upstream` blocks, and what `fastcgi_pass` and the directives around it say of connections.

import type { UpstreamConfig, UpstreamServer } from "../gateway/config/config.ts";
import type { Directive } from "./parse.ts";
import type { Scope } from "./scope.ts";
import { timeOf } from "./units.ts";
import { placeOf, templateOf } from "./variables.ts";

type Draft = { -readonly [K in keyof UpstreamConfig]: UpstreamConfig[K] };

/** nginx's words for what makes it try the next server, and ours. */
const NEXT: Readonly<Record<string, string>> = { invalid_header: "invalid-header", non_idempotent: "non-idempotent" };

/** What nginx keeps, as a bound against `keepalive 100000`. */
const MOST_KEPT = 10_000;

export class Upstreams {
  readonly used: Map<string, Draft> = new Map();
  readonly origins: Map<object, Directive> = new Map();
  readonly #blocks = new Map<string, Directive>();
  readonly #http: Scope;

  constructor(http: Scope) {
    this.#http = http;
    for (const one of http.own("upstream")) this.#blocks.set(one.args[0] ?? "", one);
  }

  /** The name or the address for `fastcgi.pass`; `undefined`, and left out, when there is none. */
  pass(directive: Directive, scope: Scope): string | undefined {
    const written = directive.args[0] ?? "";
    const text = written.includes("$") ? templateOf(written, directive, placeOf(scope, [])) : written;
    if (text === undefined) return undefined;
    if (text.includes("$")) {
      scope.report.leave("unsupported", directive, "the application's address depends on the request");
      return undefined;
    }
    const block = this.#blocks.get(text);
    const address = addressOf(text);
    if (block === undefined && address === undefined) {
      scope.report.leave("unsupported", directive, `there is no upstream ${text}, and it is no address`);
      return undefined;
    }
    const name = block === undefined ? (address as string) : text;
    const connections = this.#connections(scope);
    let draft = this.used.get(name);
    if (draft === undefined && block !== undefined) {
      draft = this.#upstream(block);
      if (draft === undefined) return undefined;
      this.used.set(name, draft);
      this.origins.set(draft, block);
    }
    if (draft === undefined) {
      if (Object.keys(connections).length === 0) return name;
      draft = { servers: [name] };
      this.used.set(name, draft);
      this.origins.set(draft, directive);
    }
    const target = draft as Record<string, unknown>;
    for (const [key, value] of Object.entries(connections)) {
      if (target[key] === undefined) target[key] = value;
      else if (JSON.stringify(target[key]) !== JSON.stringify(value)) {
        scope.report.leave("decision", directive, `${key} differs between locations: the first one's is taken`);
      }
    }
    const keepalive = block?.block?.find((one) => one.name === "keepalive");
    if (scope.flag("fastcgi_keep_conn") === true && keepalive !== undefined) {
      draft.keep = Math.min(Number(keepalive.args[0] ?? 0) || 0, MOST_KEPT);
    }
    return name;
  }

  /** Of the scope that passes: what ours keeps with the upstream. */
  #connections(scope: Scope): Partial<Draft> {
    const draft: Partial<Draft> = {};
    const connect = scope.measure("fastcgi_connect_timeout", timeOf);
    const send = scope.measure("fastcgi_send_timeout", timeOf);
    if (connect !== undefined) draft.connectTimeout = connect;
    if (send !== undefined) draft.sendTimeout = send;
    const on = scope.one("fastcgi_next_upstream")?.args.map((word) => NEXT[word] ?? word);
    const tries = scope.measure("fastcgi_next_upstream_tries", countOf);
    const time = scope.measure("fastcgi_next_upstream_timeout", timeOf);
    const next = {
      ...(on !== undefined && { on: on as NonNullable<NonNullable<UpstreamConfig["nextUpstream"]>["on"]> }),
      ...(tries !== undefined && { tries }),
      ...(time !== undefined && { time }),
    };
    if (Object.keys(next).length > 0) draft.nextUpstream = next;
    return draft;
  }

  #upstream(block: Directive): Draft | undefined {
    const scope = this.#http.inside(block.block ?? []);
    const { report } = scope;
    const servers: UpstreamServer[] = [];
    for (const one of scope.own("server")) {
      const server = serverOf(one, scope);
      if (server !== undefined) servers.push(server);
    }
    if (!servers.some(({ down, backup }) => down !== true && backup !== true)) {
      report.leave("decision", block, "no server of it is in use: what asks it is answered 502");
      return undefined;
    }
    const draft: Draft = {
      servers: servers.map((server) => (Object.keys(server).length === 1 ? server.address : server)),
    };
    for (const one of scope.own("hash")) {
      const key = templateOf(one.args[0] ?? "", one, placeOf(scope, []));
      if (key !== undefined) draft.balance = { hash: key };
    }
    for (const one of scope.own("random")) {
      draft.balance = one.args.length > 0 ? "random" : "round-robin";
      if (one.args.length === 0)
        report.leave("decision", one, "servers are asked in turn: balance has random of two only");
    }
    if (scope.own("least_conn").length > 0) draft.balance = "least-connections";
    if (scope.own("ip_hash").length > 0) draft.balance = { hash: "$remote_addr" };
    scope.own("keepalive");
    for (const one of scope.own("keepalive_timeout")) {
      const timeout = timeOf(one.args[0]);
      if (timeout !== undefined) draft.keepTimeout = timeout;
    }
    return draft;
  }
}

function serverOf(directive: Directive, { report }: Scope): UpstreamServer | undefined {
  const [name = "", ...words] = directive.args;
  const address = addressOf(name) ?? addressOf(`${name}:80`);
  if (address === undefined) {
    report.leave("unsupported", directive, `${name} is no address`);
    return undefined;
  }
  const server: { -readonly [K in keyof UpstreamServer]: UpstreamServer[K] } = { address };
  for (const word of words) {
    const [key = "", value = ""] = word.split(/=(.*)/s);
    if (key === "backup") server.backup = true;
    else if (key === "down") server.down = true;
    else if (key === "weight" && countOf(value) !== undefined) server.weight = Number(value);
    else if (key === "max_fails" && countOf(value) !== undefined) server.maxFails = Number(value);
    else if (key === "max_conns" && countOf(value) !== undefined) server.maxConnections = Number(value);
    else if (key === "fail_timeout" && timeOf(value) !== undefined) server.failTimeout = timeOf(value) as number;
    else report.leave("unsupported", directive, `servers have no ${word}`);
  }
  return server;
}

export function countOf(text: string | undefined): number | undefined {
  return /^\d{1,15}$/.test(text ?? "") ? Number(text) : undefined;
}

/** `unix:/path` or `tcp://host:port`. */
function addressOf(text: string): string | undefined {
  if (text.startsWith("unix:")) {
    const path = text.slice(5).replace(/:$/, "");
    // Linux: sun_path holds 108 bytes with its closing NUL.
    return path.startsWith("/") && new TextEncoder().encode(path).length <= 107 ? `unix:${path}` : undefined;
  }
  const port = /^(?:\[[0-9A-Fa-f:.]+\]|[\w.-]+):(\d{1,5})$/.exec(text)?.[1];
  return port !== undefined && Number(port) <= 65_535 ? `tcp://${text}` : undefined;
}
