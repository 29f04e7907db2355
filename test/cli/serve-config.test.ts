// `edge-fpm serve` with a configuration file.

import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { serve } from "../../src/server/index.ts";
import { runEdgeFpm } from "../peers/edge-fpm.ts";
import { makeScratch, type Scratch } from "../peers/scratch.ts";
import { run } from "./run.ts";

const GATEWAY = fileURLToPath(new URL("../../src/gateway/index.ts", import.meta.url));

let scratch: Scratch;
beforeAll(() => {
  scratch = makeScratch("config");
});
afterAll(() => scratch.remove());

/** A folder with this configuration. */
function folder(name: string, config: string, file = "edge-fpm.config.ts"): string {
  const path = join(scratch.path, name);
  mkdirSync(join(path, "public"), { recursive: true });
  writeFileSync(join(path, "public/a.txt"), "a file");
  writeFileSync(join(path, "public/index.php"), "<?php echo getenv('WHO');");
  writeFileSync(
    join(path, file),
    `import { defineConfig } from ${JSON.stringify(GATEWAY)};\nexport default ${config};\n`,
  );
  return path;
}

/** Serves a configuration until `use` has seen it. */
async function served(path: string, args: readonly string[], use: (url: string) => Promise<void>): Promise<string> {
  const program = runEdgeFpm(["serve", "--config", join(path, "edge-fpm.config.ts"), ...args]);
  try {
    const [, url = ""] = await program.waitFor(/(http:\/\/127\.0\.0\.1:\d+) {2}serves/);
    await use(url);
  } finally {
    await program.stop("SIGINT");
  }
  return program.output();
}

const textOf = async (url: string) => (await fetch(url)).text();

describe("a configuration file", () => {
  test("says what is served, with folders relative to itself", async () => {
    const path = folder(
      "files",
      `defineConfig({
        root: "public",
        pools: {},
        listen: { port: 0 },
        log: { format: "$request_method $request_uri $status", file: "access.log" },
        metrics: { path: "/metrics", allow: ["127.0.0.1"] },
        locations: [{ exact: "/hi", return: { status: 200, body: "hi from $host" } }],
      })`,
    );
    await served(path, [], async (url) => {
      expect(await textOf(`${url}/a.txt`)).toBe("a file");
      expect(await textOf(`${url}/hi`)).toBe("hi from 127.0.0.1");
      expect((await fetch(`${url}/no?x=1`)).status).toBe(404);
      expect((await fetch(`${url}/index.php`)).status).toBe(502);
      const socket = connect(Number(new URL(url).port), "127.0.0.1");
      socket.end("NONSENSE\r\n\r\n");
      await once(socket.resume(), "close");
      expect(await textOf(`${url}/metrics`)).toContain(
        'edgefpm_gateway_requests_total{location="= /hi",class="2xx"} 1',
      );
      expect(await textOf(`${url}/metrics`)).toContain('edgefpm_gateway_refused_requests_total{status="400"} 1');
    });
    expect(readFileSync(join(path, "access.log"), "utf8").split("\n")).toEqual(
      expect.arrayContaining(["- - 400", "GET /a.txt 200", "GET /hi 200", "GET /no?x=1 404", "GET /index.php 502"]),
    );
  });

  test("names pools, each with its own environment; the command line's port goes before its own", async () => {
    const path = folder(
      "pools",
      `defineConfig({
        root: "public",
        listen: { port: 1 },
        pools: { one: { php: "8.2", maxChildren: 1, env: { WHO: "one" } }, two: { php: "8.2", maxChildren: 1, env: { WHO: "two" } } },
        sites: [{ fastcgi: { pass: "one" } }, { hosts: ["localhost"], fastcgi: { pass: "two" } }],
      })`,
    );
    await served(path, ["--port", "0"], async (url) => {
      expect(await textOf(`${url}/`)).toBe("one");
      expect(await textOf(`${url.replace("127.0.0.1", "localhost")}/`)).toBe("two");
    });
  }, 30_000);

  test("a single pool is made from the command line when the file names none", async () => {
    const path = folder("own-pool", `defineConfig({ root: "public", preset: "laravel" })`);
    const args = ["--port", "0", "--php", "8.2", "--children", "1", "--env", "WHO=me"];
    const log = await served(path, args, async (url) => expect(await textOf(`${url}/some/page`)).toBe("me"));
    expect(log).toContain("serves");
  }, 30_000);
});

test("traces go on, begin where that is configured, and are never malformed", async () => {
  const fetch = (request: Request) => Response.json(Object.fromEntries(request.headers));
  const application = await serve({ listen: { hostname: "127.0.0.1", port: 0 }, fetch });
  const { port } = application.address as { readonly port?: number };
  const site = (name: string, more: string) =>
    folder(
      name,
      `defineConfig({ root: "public", frontController: "/index.php", listen: { port: 0 }, upstreams: { app: { servers: ["tcp://127.0.0.1:${port}"] } }, ${more} })`,
    );
  const parentOf = async (url: string, traceparent?: string) => {
    const response = await globalThis.fetch(url, { headers: traceparent === undefined ? {} : { traceparent } });
    return ((await response.json()) as { readonly traceparent?: string }).traceparent;
  };
  const known = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  try {
    await served(site("traces", ""), [], async (url) => {
      expect(await parentOf(url, known)).toBe(known);
      expect(await parentOf(url, "nonsense")).toBeUndefined();
      expect(await parentOf(url)).toBeUndefined();
    });
    await served(site("traces-begun", `tracing: { start: "sampled" }`), [], async (url) => {
      expect(await parentOf(url, known)).toBe(known);
      for (const sent of ["nonsense", undefined]) {
        expect(await parentOf(url, sent)).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-0[13]$/);
      }
    });
  } finally {
    await application.close({ grace: 0 });
  }
});

test("a Unix socket is listened on, in place of one that was left behind", async () => {
  const path = folder(
    "socket",
    `defineConfig({ pools: {}, listen: { path: "http.sock" }, locations: [{ prefix: "/", return: { status: 200, body: "by socket" } }] })`,
  );
  const socketPath = join(path, "http.sock");
  for (const signal of ["SIGKILL", "SIGINT"] as const) {
    const program = runEdgeFpm(["serve", "--config", join(path, "edge-fpm.config.ts")]);
    await program.waitFor(/unix:\S+http\.sock {2}serves/);
    const text = await new Promise<string>((resolve, reject) => {
      request({ socketPath, path: "/" }, (response) => {
        response.setEncoding("utf8").once("data", resolve);
      })
        .on("error", reject)
        .end();
    });
    expect(text).toBe("by socket");
    await program.stop(signal);
  }
});

describe.concurrent("the test of a configuration", () => {
  test("is found in the folder where the command runs", async () => {
    const path = folder("good", `defineConfig({ root: "public" })`, "edge-fpm.config.mts");
    const { status, stdout } = await run(["serve", "--test-config"], { cwd: path });
    expect({ status, stdout }).toEqual({ status: 0, stdout: `${join(path, "edge-fpm.config.mts")} is good.\n` });
  });

  test("tells every problem at once, where it is and what was meant", async () => {
    const path = folder(
      "wrong",
      `{ rot: "public", locations: [{ prefix: "x" }, { regex: "(" }, { exact: "/a", fastcgi: { pass: "wwv" } }], pools: { www: {} } }`,
    );
    const { status, stderr } = await run(["serve", "--test-config"], { cwd: path });
    expect(status).toBe(2);
    expect(stderr).toContain("edge-fpm.config.ts has 4 mistakes:");
    for (const line of [
      "rot is no setting; allowed: did you mean root?",
      'locations[0].prefix is "x"; allowed: a path that begins with a slash',
      'locations[1].regex is "("; allowed: a regular expression',
      'locations[2].fastcgi.pass is "wwv"; allowed: did you mean www?',
    ]) {
      expect(stderr).toContain(line);
    }
  });

  test.each([
    ["pools: { www: { pm: 'dynamic', maxChildren: 2, minSpareServers: 5 } }", /pm\.min_spare_servers/],
    ["root: 'nowhere'", /There is no folder .*nowhere/],
  ])("%s", async (config, said) => {
    const path = folder(`wrong-${config.length}`, `{ ${config} }`);
    const { status, stderr } = await run(["serve", "--test-config"], { cwd: path });
    expect(stderr).toMatch(said);
    expect(status).toBe(2);
  });

  test.each([
    [["serve", "--test-config"], /no configuration to test/],
    [["serve", "--config", "no.ts"], /There is no file .*no\.ts/],
    [["serve", "public", "--config", "x.ts"], /public and --config exclude each other/],
    [["serve", "--config", "x.ts", "--front", "/index.php"], /--front and --config exclude each other/],
    [["serve", "--config", "broken.mjs"], /broken\.mjs cannot be run/],
    [["serve", "--config", "empty.mjs"], /no default export/],
  ])("%j fails with a reason", async (args, said) => {
    const path = join(scratch.path, "nothing");
    mkdirSync(path, { recursive: true });
    writeFileSync(join(path, "broken.mjs"), "export default {");
    writeFileSync(join(path, "empty.mjs"), "export const config = {};");
    const { status, stderr } = await run(args, { cwd: path });
    expect(stderr).toMatch(said);
    expect(status).toBe(2);
  });
});

test("a port that is taken is noticed before PHP is compiled", async () => {
  const holder = createServer();
  await new Promise<void>((resolve) => holder.listen(0, "127.0.0.1", resolve));
  try {
    const address = holder.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const { status, stderr } = await run(["serve", scratch.path, "--port", String(port), "--php", "8.2"]);
    expect(stderr).toContain("is taken by another program");
    expect(stderr).not.toContain("Preparing PHP");
    expect(status).toBe(1);
  } finally {
    holder.close();
  }
});
