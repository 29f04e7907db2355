// `server` blocks: which there are for us, by which names, and where they listen.

import type { GatewayConfig } from "../gateway/config/config.ts";
import type { Directive } from "./parse.ts";
import { toRegExp } from "./regex.ts";
import type { Report } from "./report.ts";
import type { Scope } from "./scope.ts";

export interface Server {
  readonly directive: Directive;
  readonly scope: Scope;
  readonly hosts: readonly (string | RegExp)[];
  readonly listens: readonly Directive[];
}

const HOST = /^(?:(?:\*\.|\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|[a-z0-9_-]+(?:\.[a-z0-9_-]+)*\.\*|\[[0-9a-f:.]+\])$/;

/** The default one is first. Those whose names are all another's are left out. */
export function serversOf(http: Scope): Server[] {
  const { report } = http;
  const servers = http.own("server").map((directive): Server => {
    const scope = http.inside(directive.block ?? []);
    return { directive, scope, hosts: hostsOf(scope), listens: scope.own("listen") };
  });
  const isDefault = ({ listens }: Server) =>
    listens.some(({ args }) => args.includes("default_server") || args.includes("default"));
  const chosen = servers.findIndex(isDefault);
  const [first] = chosen === -1 ? servers : servers.slice(chosen);
  const ordered = first === undefined ? [] : [first, ...servers.filter((one) => one !== first)];
  // What only sends visitors elsewhere gives way: it is mostly the one without TLS beside the one with it.
  const weight = ({ directive }: Server) => (directive.block?.some(({ name }) => name === "return") === true ? 1 : 0);
  const taken = new Map<string, Server>();
  for (const server of [...ordered].sort((a, b) => weight(a) - weight(b))) {
    for (const host of server.hosts) if (!taken.has(key(host))) taken.set(key(host), server);
  }
  const open = ordered.find(({ hosts }) => hosts.length === 0);
  return ordered.flatMap((server): Server[] => {
    const hosts = server.hosts.filter((host) => taken.get(key(host)) === server);
    if (server.hosts.length > 0 && hosts.length === 0) {
      report.leave(
        "decision",
        server.directive,
        "another server has its names: sites are found by name, whatever the port",
      );
      return [];
    }
    if (server.hosts.length === 0 && (server !== open || (server !== first && !isDefault(server)))) {
      report.leave("decision", server.directive, "it has no name of its own, and another one is the default");
      return [];
    }
    return [{ ...server, hosts }];
  });
}

const key = (host: string | RegExp) => String(host).toLowerCase();

/** Without names that no visitor asks for, as `_`. */
function hostsOf(scope: Scope): (string | RegExp)[] {
  const hosts = new Map<string, string | RegExp>();
  for (const directive of scope.own("server_name")) {
    for (const written of directive.args) {
      const host = hostOf(written, directive, scope.report);
      if (host !== undefined) hosts.set(key(host), host);
    }
  }
  return [...hosts.values()];
}

function hostOf(written: string, directive: Directive, report: Report): string | RegExp | undefined {
  if (written === "_" || written === "") return undefined;
  if (written.startsWith("~")) {
    // Host names have no case.
    const regex = toRegExp(written.slice(1), true);
    if (typeof regex !== "string") return regex;
    report.leave("unsupported", directive, regex);
    return undefined;
  }
  const name = ascii(written.toLowerCase().replace(/\.$/, ""));
  if (HOST.test(name)) return name;
  // `--`, `!@#` and the like are names that nobody can ask for.
  if (/[a-z0-9]/.test(name)) report.leave("unsupported", directive, `${written} is no host's name here`);
  return undefined;
}

/** International names in the form that browsers send. */
function ascii(name: string): string {
  const [, wild = "", rest = "", end = ""] = /^(\*?\.)?([\s\S]*?)(\.\*)?$/.exec(name) ?? [];
  // biome-ignore lint/suspicious/noControlCharactersInRegex: what is not ASCII.
  if (/^[\x00-\x7f]*$/.test(rest)) return name;
  const url = URL.parse?.(`http://${rest}/`);
  return url === null || url === undefined ? name : `${wild}${url.hostname}${end}`;
}

/** Where the first of all listens; one without TLS when there is one. */
export function listenOf(servers: readonly Server[], report: Report): GatewayConfig["listen"] | undefined {
  const all = servers.flatMap(({ listens }) => listens);
  const plain = all.filter(({ args }) => !args.some((arg) => arg === "ssl" || arg === "quic"));
  for (const one of all) {
    if (!plain.includes(one)) report.leave("decision", one, "the gateway speaks HTTP: TLS ends in front of it");
  }
  const addresses = plain.map(({ args }) => addressOf(args[0] ?? ""));
  const [first] = addresses;
  for (const [index, one] of plain.entries()) {
    const address = addresses[index];
    if (address?.port !== first?.port || address?.path !== first?.path) {
      report.leave("decision", one, "the gateway listens in one place");
    }
  }
  if (first === undefined) return undefined;
  return first;
}

function addressOf(text: string): { readonly host?: string; readonly port?: number; readonly path?: string } {
  if (text.startsWith("unix:")) return { path: text.slice(5) };
  if (/^\d+$/.test(text)) return { host: "0.0.0.0", port: Number(text) };
  const [, bracketed, plain, port] = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d+))?$/.exec(text) ?? [];
  const host = bracketed ?? plain ?? "*";
  return { host: host === "*" ? "0.0.0.0" : host, port: port === undefined ? 80 : Number(port) };
}
