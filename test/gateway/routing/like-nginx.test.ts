// The same random tables of locations and hosts in nginx and in ours: which one answers.

import { request } from "node:http";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { decodePath } from "../../../src/cgi/index.ts";
import type { Location } from "../../../src/gateway/config/location.ts";
import { compileConfig, requestVariables, route } from "../../../src/gateway/routing/index.ts";
import { type NginxServers, startNginxServers } from "../../peers/nginx.ts";
import { describePeers } from "../../peers/peer.ts";
import { filesNamed } from "./site.ts";

/** Sets of locations, and of hosts; each set is asked many times. */
const SETS = Number(process.env.ROUTING_SETS ?? 60);
const seed = Number(process.env.ROUTING_SEED ?? 20_240_501);

const piece = fc.constantFrom("a", "b", "ab", "/", "/a", "/b", "a/", "%20", "A", "%C3%A9");
const encodedPath = fc.array(piece, { maxLength: 6 }).map((pieces) => `/${pieces.join("")}`);
const uri = fc.tuple(encodedPath, fc.constantFrom("", "?", "?x=1", "?x=%2F&y")).map(([path, query]) => path + query);
const plain = encodedPath.map((path) => decodePath(path));
const expression = fc
  .tuple(
    fc.constantFrom("^/", "", "^/a", "/", "(a|b)"),
    fc.constantFrom("a", "b+", ".*", "[ab]/?", "(/a)?", "(b*)", "A"),
    fc.constantFrom("", "$", "/$", ".", "(.*)$"),
  )
  .map((parts) => parts.join(""));

interface Rule {
  readonly from: string;
  readonly to: string;
  readonly flag: "last" | "redirect" | "permanent";
}

type Match =
  | { readonly kind: "=" | "" | "^~"; readonly path: string }
  | { readonly kind: "~" | "~*"; readonly source: string };

interface Block {
  readonly match: Match;
  readonly rule: Rule | undefined;
}

const rule: fc.Arbitrary<Rule> = fc.record({
  from: expression,
  to: fc.oneof(plain, fc.constantFrom("/b$1", "/x?q=1", "/x?", "/x$uri", "/a$1?p=$1&r=$args", "/y$1b?")),
  flag: fc.constantFrom("last", "redirect", "permanent"),
});
const match: fc.Arbitrary<Match> = fc.oneof(
  fc.record({ kind: fc.constantFrom("=", "", "^~"), path: plain }),
  fc.record({ kind: fc.constantFrom("~", "~*"), source: expression }),
);
const blocks = fc.uniqueArray(fc.record({ match, rule: fc.option(rule, { nil: undefined, freq: 3 }) }), {
  maxLength: 10,
  // nginx refuses duplicates.
  selector: ({ match }) =>
    "path" in match ? `${match.kind === "=" ? "=" : ""}${match.path}` : `${match.kind}${match.source}`,
});
const set = fc.record({
  server: fc.option(rule, { nil: undefined, freq: 1 }),
  blocks,
  uris: fc.array(uri, { minLength: 40, maxLength: 40 }),
});

/** Bytes of UTF-8 for nginx's file: a byte string would be encoded twice. */
const text = (bytes: string) => Buffer.from(bytes, "latin1").toString("utf8");
const quoted = (value: string) => `"${text(value)}"`;
const nginxRule = (rule: Rule | undefined) =>
  rule === undefined ? "" : `rewrite ${quoted(rule.from)} ${quoted(rule.to)} ${rule.flag};`;

function nginxServer(folder: string, name: string, { server, blocks }: { server: Rule | undefined; blocks: Block[] }) {
  const locations = blocks.map(({ match, rule }, index) => {
    const what = "path" in match ? match.path : match.source;
    return `location ${match.kind} ${quoted(what)} { ${nginxRule(rule)} return 200 "${index} $uri $args $1"; }`;
  });
  return `server { listen unix:${folder}/${name}.sock; ${nginxRule(server)} absolute_redirect off;
    ${locations.join("\n    ")}
    ${blocks.some(({ match }) => "path" in match && match.kind !== "=" && match.path === "/") ? "" : 'location / { return 200 "default $uri $args $1"; }'}
  }`;
}

function ourLocations(blocks: Block[]): Location[] {
  const locations = blocks.map(({ match, rule }, index): Location => {
    const does = {
      return: { status: 200, body: `${index} $uri $args $1` },
      ...(rule === undefined ? {} : { rewrite: [ourRule(rule)] }),
    };
    if ("source" in match) return { regex: new RegExp(match.source, match.kind === "~*" ? "i" : ""), ...does };
    const path = text(match.path);
    return match.kind === "=" ? { exact: path, ...does } : { prefix: path, final: match.kind === "^~", ...does };
  });
  const has = locations.some((location) => "prefix" in location && location.prefix === "/");
  return has ? locations : [...locations, { prefix: "/", return: { status: 200, body: "default $uri $args $1" } }];
}

const ourRule = (rule: Rule) => ({ from: rule.from, to: text(rule.to), flag: rule.flag });

function ask(socketPath: string, path: string, host = "x"): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath, path, headers: { host }, agent: false }, (response) => {
      const parts: Buffer[] = [];
      response.on("data", (part: Buffer) => parts.push(part));
      response.on("end", () => {
        const { statusCode, headers } = response;
        if (statusCode === 200) resolve(Buffer.concat(parts).toString("latin1"));
        else resolve(`${statusCode} ${headers.location ?? ""}`);
      });
      response.on("error", reject);
    });
    sent.on("error", reject);
    sent.end();
  });
}

async function decide(config: Parameters<typeof compileConfig>[0], uri: string, host = "x"): Promise<string> {
  const mark = uri.indexOf("?");
  const path = decodePath(mark === -1 ? uri : uri.slice(0, mark));
  const query = mark === -1 ? "" : uri.slice(mark + 1);
  const variables = requestVariables({ method: "GET", requestUri: uri, headers: [], host, scheme: "http" });
  const { decision } = await route(
    compileConfig(config),
    { host, path, query, remoteAddress: undefined, variables },
    { files: () => filesNamed([]) },
  );
  if (decision.type === "answer") return decision.body;
  return decision.type === "redirect"
    ? `${decision.status} ${decision.location}`
    : `${(decision as { status: number }).status} `;
}

const decoded = (text: string) =>
  text.replace(/%([0-9A-F]{2})/gi, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16))).trimEnd();

const label = fc.constantFrom("a", "b", "www", "x");
const name = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join("."));
/** Without `.a`: beside `*.b.a`, nginx 1.22 finds it for no name below b.a that the longer one is not for. */
const hostPattern = fc.oneof(
  name,
  name.map((host) => `*.${host}`),
  name.map((host) => `${host}.*`),
  fc.constantFrom(/^a/, /b$/, /^www\.(?:a|b)/, /x\.x/),
);
const hostSet = fc.record({
  // nginx refuses the same wildcard twice.
  patterns: fc.uniqueArray(hostPattern, {
    minLength: 1,
    maxLength: 8,
    selector: (p) => String(p),
  }),
  asked: fc.array(name, { minLength: 30, maxLength: 30 }),
});

describePeers(["nginx"], "routing beside nginx", () => {
  const sets = fc.sample(set, { numRuns: SETS, seed });
  const hosts = fc.sample(hostSet, { numRuns: SETS, seed });
  let nginx: NginxServers;

  beforeAll(async () => {
    nginx = await startNginxServers(
      (folder) =>
        [
          ...sets.map((set, index) => nginxServer(folder, `l${index}`, set)),
          ...hosts.flatMap(({ patterns }, index) =>
            ["", ...patterns].map(
              (pattern, at) => `server { listen unix:${folder}/h${index}.sock${at === 0 ? " default_server" : ""};
                server_name ${pattern instanceof RegExp ? `"~${pattern.source}"` : pattern === "" ? '""' : pattern};
                return 200 "${at}"; }`,
            ),
          ),
        ].join("\n"),
      [...sets.map((_, index) => `l${index}`), ...hosts.map((_, index) => `h${index}`)],
    );
  }, 30_000);
  afterAll(() => nginx?.stop());

  test("the same location answers, after the same rewrites", { timeout: 60_000 }, async () => {
    for (const [index, { server, blocks, uris }] of sets.entries()) {
      const config = {
        locations: ourLocations(blocks),
        ...(server === undefined ? {} : { rewrite: [ourRule(server)] }),
      };
      for (const uri of uris) {
        // nginx encodes captures in a Location but no other variable; ours does both.
        const theirs = decoded(await ask(join(nginx.folder, `l${index}.sock`), uri));
        const ours = decoded(await decide(config, uri));
        if (ours !== theirs)
          expect({ uri, server, blocks, answer: ours }).toEqual({ uri, server, blocks, answer: theirs });
      }
    }
  });

  test("the same site answers for a host", { timeout: 60_000 }, async () => {
    for (const [index, { patterns, asked }] of hosts.entries()) {
      const locations = (answer: string): Location[] => [{ prefix: "/", return: { status: 200, body: answer } }];
      const sites = [
        { locations: locations("0") },
        ...patterns.map((pattern, at) => ({ hosts: [pattern], locations: locations(String(at + 1)) })),
      ];
      for (const host of [...asked, "A.b", "a."]) {
        const theirs = await ask(join(nginx.folder, `h${index}.sock`), "/", host);
        const ours = await decide({ sites }, "/", host);
        if (ours !== theirs) expect({ host, patterns, site: ours }).toEqual({ host, patterns, site: theirs });
      }
    }
  });
});
