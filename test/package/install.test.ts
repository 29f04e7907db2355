// The package as its user has it: installed by npm into an empty folder, imported, compiled against.

import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runProgram } from "../cli/run.ts";
import { makeScratch, type Scratch } from "../peers/scratch.ts";
import { installTarball, MANIFEST, PROJECT, packProject } from "./pack.ts";

let scratch: Scratch;
let folder: string;
/** Why the package could not be installed. */
let problem: string | undefined;

beforeAll(async () => {
  scratch = makeScratch("install");
  const { tarball } = await packProject();
  folder = join(scratch.path, "user");
  problem = await installTarball(tarball, folder);
}, 60_000);
afterAll(() => scratch?.remove());

function installedTest(name: string, body: () => Promise<void>): void {
  test(name, async (context) => {
    if (problem !== undefined) context.skip(problem);
    await body();
  });
}

/** Puts packages of the project beside the installed one, as `npm install` of them would. */
function addPackages(...names: readonly string[]): void {
  for (const name of names) {
    const path = join(folder, "node_modules", name);
    mkdirSync(dirname(path), { recursive: true });
    try {
      symlinkSync(join(PROJECT, "node_modules", name), path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
  }
}

async function runModule(text: string): Promise<string> {
  writeFileSync(join(folder, "main.mjs"), text);
  const { stdout, stderr, status } = await runProgram(process.execPath, ["main.mjs"], { cwd: folder });
  expect({ stderr, status }, stdout).toEqual({ stderr: "", status: 0 });
  return stdout;
}

describe("installed into an empty folder", () => {
  installedTest("brings its dependencies and nothing else: no PHP, no bundler", async () => {
    const packages = readdirSync(join(folder, "node_modules")).filter((name) => !name.startsWith("."));
    expect(packages.sort()).toEqual(["edge-fpm", ...Object.keys(MANIFEST.dependencies)].sort());
  });

  installedTest("every part can be imported on Node but the one of the Workers runtime", async () => {
    const parts = Object.keys(MANIFEST.exports).filter((name) => !/workers|package\.json/.test(name));
    const lines = parts.map((name) => {
      const part = name.replace("./", "");
      return `console.log("${part}", Object.keys(await import("edge-fpm/${part}")).length > 0);`;
    });
    const expected = parts.map((name) => `${name.replace("./", "")} true\n`);
    expect(await runModule(lines.join("\n"))).toBe(expected.join(""));
  });

  installedTest("CommonJS gets the modules too", async () => {
    writeFileSync(join(folder, "old.cjs"), 'console.log(typeof require("edge-fpm/codec").encodeRecord);');
    const { stdout } = await runProgram(process.execPath, ["old.cjs"], { cwd: folder });
    expect(stdout).toBe("function\n");
  });

  installedTest("a program of its own serves PHP with edge-fpm/node, /fpm and /gateway", async () => {
    addPackages("@php-wasm");
    mkdirSync(join(folder, "public"));
    writeFileSync(join(folder, "public/index.php"), "<?php echo 'PHP ', PHP_VERSION, ' says ', $_GET['word'];");
    const said = await runModule(`
      import { Pool, poolConfig } from "edge-fpm/fpm";
      import { createGateway } from "edge-fpm/gateway";
      import * as node from "edge-fpm/node";

      const { spawn } = await node.createThreadSpawn({ php: "8.2", wrap: (transport) => new node.ChildLink(transport) });
      const pool = new Pool(poolConfig({ name: "www", pm: "static", maxChildren: 1 }), spawn);
      await pool.start();
      const root = new URL("public", import.meta.url).pathname;
      const handler = createGateway({
        documentRoot: root,
        files: node.nodeFiles(root),
        exchange: node.poolExchange(pool),
        compressor: node.nodeCompressor,
        spool: node.nodeSpool(),
        createResponse: node.createNodeResponse,
      });
      const server = node.createHttpServer({ handler });
      const { port } = await server.listen({ host: "127.0.0.1", port: 0 });
      console.log(await (await fetch(\`http://127.0.0.1:\${port}/?word=hello\`)).text());
      await server.close();
      await pool.finish();
    `);
    expect(said).toMatch(/^PHP 8\.2\.\d+ says hello\n$/);
  });
});

describe("its types", () => {
  const everywhere = ["codec", "connection", "cgi", "client", "server", "gateway", "fpm", "capture"];
  /** The type libraries that programs of a platform have, and what they import. */
  const platforms = {
    "Node, without dom": { lib: ["es2022"], types: ["node"], parts: [...everywhere, "node"] },
    "Node, with dom": { lib: ["es2022", "dom", "dom.iterable"], types: ["node"], parts: [...everywhere, "node"] },
    "a page": { lib: ["es2022", "dom", "dom.iterable"], types: [], parts: [...everywhere, "browser"] },
    Workers: { lib: ["es2022"], types: ["@cloudflare/workers-types"], parts: [...everywhere, "workers"] },
  };
  // The project's own compiler, and the last one that is written in JavaScript, which the documentation brings.
  const compilers = ["package.json", "docs/package.json"].map((from) => {
    const path = createRequire(join(PROJECT, from)).resolve("typescript/package.json");
    return { path, version: String(JSON.parse(readFileSync(path, "utf8")).version) };
  });

  for (const { path, version } of compilers) {
    for (const [platform, { lib, types, parts }] of Object.entries(platforms)) {
      installedTest(`compile under TypeScript ${version.split(".")[0]}, strict: ${platform}`, async () => {
        addPackages("@types/node", "undici-types", "@cloudflare/workers-types");
        const lines = parts.map((part) => `export * as ${part} from "edge-fpm/${part}";`);
        // Something that is used, so that types which came out as \`any\` are seen.
        lines.push(
          'import { connect } from "edge-fpm/client";',
          'import { encodeRecord } from "edge-fpm/codec";',
          'export const bytes: Uint8Array = encodeRecord({ type: "stdin", requestId: 1, content: new Uint8Array(1) });',
          'export const answer: Promise<Response> = connect("127.0.0.1:9000").fetch("/", { documentRoot: "/srv" });',
          "// @ts-expect-error a record of no type",
          'encodeRecord({ type: "nothing", requestId: 1 });',
        );
        writeFileSync(join(folder, "main.ts"), lines.join("\n"));
        const compilerOptions = {
          noEmit: true,
          strict: true,
          exactOptionalPropertyTypes: true,
          noUncheckedIndexedAccess: true,
          skipLibCheck: false,
          target: "es2022",
          module: "nodenext",
          lib,
          types,
        };
        writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["main.ts"] }));
        const tsc = join(dirname(path), "bin/tsc");
        const { stdout, status } = await runProgram(process.execPath, [tsc, "-p", folder], { cwd: folder });
        expect(stdout).toBe("");
        expect(status).toBe(0);
      });
    }
  }
});
