// The same random locations over the same files in nginx and in ours: `try_files`, `index`, `alias`, `internal`.

import { mkdirSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Location } from "../../../src/gateway/config/location.ts";
import { compileConfig, requestVariables, route } from "../../../src/gateway/routing/index.ts";
import { nodeFiles } from "../../../src/platform/node/files.ts";
import { type NginxServers, startNginxServers } from "../../peers/nginx.ts";
import { describePeers } from "../../peers/peer.ts";
import { makeScratch, type Scratch } from "../../peers/scratch.ts";

const SETS = Number(process.env.ROUTING_SETS ?? 60);
const seed = Number(process.env.ROUTING_SEED ?? 20_240_502);

const FILES = ["index.html", "a.txt", "a/index.html", "a/b.txt", "b/c.txt", "b/x/index.html", "b/x/y.txt"];

const PATHS = [
  "/",
  "/a",
  "/a/",
  "/a.txt",
  "/a.txt/",
  "/a/b",
  "/a/b.txt",
  "/b",
  "/b/",
  "/b/c",
  "/b/c.txt",
  "/b/x",
].concat([
  "/b/x/",
  "/b/x/y.txt",
  "/x/c.txt",
  "/x/x/",
  "/x/x",
  "/x/",
  "/x",
  "/x/nothing",
  "/nothing",
  "/n/",
  "/b/x/y.txt/z",
]);

type Does =
  | { readonly type: "files" | "internal" | "return" | "alias" }
  | { readonly type: "try"; readonly paths: readonly string[] };

interface Block {
  readonly kind: "=" | "" | "^~" | "~";
  readonly what: string;
  readonly does: Does;
}

const tries = fc
  .tuple(
    fc.array(fc.constantFrom("$uri", "$uri/", "$uri.txt", "/a/b.txt", "/b$uri", "/b/"), { minLength: 1, maxLength: 3 }),
    fc.constantFrom("=404", "=410", "/a.txt", "/index.html", "/b/", "@named", "/nothing"),
  )
  .map(([paths, last]): Does => ({ type: "try", paths: [...paths, last] }));
const does: fc.Arbitrary<Does> = fc.oneof(
  { arbitrary: tries, weight: 4 },
  { arbitrary: fc.constantFrom<Does>({ type: "files" }, { type: "internal" }, { type: "return" }), weight: 3 },
);
const block: fc.Arbitrary<Block> = fc.oneof(
  fc.record({
    kind: fc.constantFrom("=", "", "^~"),
    what: fc.constantFrom("/", "/a", "/a/", "/b/", "/b/x", "/x/"),
    does,
  }),
  fc.record({ kind: fc.constant("~" as const), what: fc.constantFrom("txt$", "^/a", "/$", "html", "x"), does }),
  fc.constant<Block>({ kind: "", what: "/x/", does: { type: "alias" } }),
);
const blocks = fc.uniqueArray(block, {
  maxLength: 6,
  selector: ({ kind, what }) => (kind === "^~" ? what : kind + what),
});

function nginxServer(folder: string, name: string, root: string, blocks: readonly Block[]): string {
  const locations = blocks.map(({ kind, what, does }, index) => {
    const body = {
      files: () => "",
      internal: () => "internal;",
      return: () => `return 200 "${index} $uri";`,
      alias: () => `alias ${root}/b/;`,
      try: () => `try_files ${does.type === "try" ? does.paths.join(" ") : ""};`,
    }[does.type]();
    return `location ${kind} ${what} { ${body} }`;
  });
  return `server { listen unix:${folder}/${name}.sock; root ${root}; index index.html; absolute_redirect off;
    ${locations.join("\n    ")}
    location @named { return 200 "named $uri"; }
  }`;
}

function ourLocations(root: string, blocks: readonly Block[]): Location[] {
  const locations = blocks.map(({ kind, what, does }, index): Location => {
    const settings = {
      files: {},
      internal: { internal: true },
      return: { return: { status: 200, body: `${index} $uri` } },
      alias: { alias: `${root}/b/` },
      try: { tryFiles: does.type === "try" ? does.paths : [] },
    }[does.type];
    if (kind === "~") return { regex: what, ...settings };
    return kind === "=" ? { exact: what, ...settings } : { prefix: what, final: kind === "^~", ...settings };
  });
  return [...locations, { name: "@named", return: { status: 200, body: "named $uri" } }];
}

function ask(socketPath: string, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath, path, headers: { host: "x" }, agent: false }, (response) => {
      let text = "";
      response.setEncoding("latin1").on("data", (part: string) => {
        text += part;
      });
      const { statusCode, headers } = response;
      response.on("end", () => resolve(statusCode === 200 ? text : `${statusCode} ${headers.location ?? ""}`));
    });
    sent.on("error", reject).end();
  });
}

async function decide(config: Parameters<typeof compileConfig>[0], path: string): Promise<string> {
  const variables = requestVariables({ method: "GET", requestUri: path, headers: [], host: "x", scheme: "http" });
  const asked = { host: "x", path, query: "", remoteAddress: undefined, variables };
  const { decision } = await route(compileConfig(config), asked, { files: (root) => nodeFiles(root) });
  switch (decision.type) {
    case "file": {
      const bytes = await decision.file.read(0, decision.file.size);
      return Buffer.from(bytes as Uint8Array).toString("latin1");
    }
    case "answer":
      return decision.body;
    case "redirect":
      return `${decision.status} ${decision.location}`;
    default:
      return `${(decision as { status: number }).status} `;
  }
}

describePeers(["nginx"], "files beside nginx", () => {
  const sets = fc.sample(blocks, { numRuns: SETS, seed });
  let scratch: Scratch;
  let nginx: NginxServers;

  beforeAll(async () => {
    scratch = makeScratch("files");
    for (const name of FILES) {
      mkdirSync(dirname(join(scratch.path, name)), { recursive: true });
      writeFileSync(join(scratch.path, name), `the file ${name}`);
    }
    nginx = await startNginxServers(
      (folder) => sets.map((set, index) => nginxServer(folder, `f${index}`, scratch.path, set)).join("\n"),
      sets.map((_, index) => `f${index}`),
    );
  }, 30_000);
  afterAll(async () => {
    await nginx?.stop();
    scratch?.remove();
  });

  test("the same file, redirect or status", { timeout: 60_000 }, async () => {
    for (const [index, set] of sets.entries()) {
      const config = { root: scratch.path, index: ["index.html"], locations: ourLocations(scratch.path, set) };
      for (const path of PATHS) {
        const theirs = await ask(join(nginx.folder, `f${index}.sock`), path);
        const ours = await decide(config, path);
        if (ours !== theirs) expect(JSON.stringify({ path, set, ours })).toBe(theirs);
      }
    }
  });
});
