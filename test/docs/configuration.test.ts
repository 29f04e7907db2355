// docs/configuration.md beside what it describes: its examples are configurations, its tables are complete.

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { checkConfig } from "../../src/gateway/config/check.ts";
import { compileConfig } from "../../src/gateway/config/compile.ts";
import { defineConfig } from "../../src/gateway/config/config.ts";
import { VARIABLES } from "../../src/gateway/config/variables.ts";
import { makeScratch } from "../peers/scratch.ts";

const TEXT = readFileSync(new URL("../../docs/configuration.md", import.meta.url), "utf8");

/** The FastCGI directives of nginx 1.22, without their prefix. */
const DIRECTIVES = `pass index split_path_info store store_access buffering request_buffering ignore_client_abort bind
  socket_keepalive connect_timeout send_timeout read_timeout send_lowat buffer_size buffers busy_buffers_size
  pass_request_headers pass_request_body intercept_errors force_ranges limit_rate cache cache_key cache_path cache_bypass
  no_cache cache_valid cache_min_uses cache_max_range_offset cache_use_stale cache_methods cache_lock cache_lock_timeout
  cache_lock_age cache_revalidate cache_background_update temp_path max_temp_file_size next_upstream next_upstream_tries
  next_upstream_timeout param pass_header hide_header ignore_headers catch_stderr keep_conn`.split(/\s+/);

/** The keys that a table of the configuration has: the check lists them for one that it does not know. */
function keysOf(wrap: (table: object) => object): string[] {
  const unknown = "\u2603\u2603\u2603\u2603\u2603\u2603\u2603\u2603";
  const problem = checkConfig(wrap({ [unknown]: 1 })).find(({ path }) => path.includes(unknown));
  return problem?.allowed.split(", ") ?? [];
}

/** Whether a page names a key: in code, alone or in a list of its path. */
const names = (key: string) => new RegExp(`\`[^\`\\n]*(?<![\\w-])${key}(?![\\w-])[^\`\\n]*\``).test(TEXT);

describe("docs/configuration.md", () => {
  const rows = new Map(
    [...TEXT.matchAll(/^\| `fastcgi_(\w+)` \| (.+) \|$/gm)].map(([, name = "", here = ""]) => [name, here] as const),
  );

  test("has a row for each directive of nginx and no other", () => {
    expect([...rows.keys()].sort()).toEqual([...DIRECTIVES].sort());
  });

  test("says for each what it is here, or why there is none", () => {
    for (const [name, here] of rows)
      expect([name, here]).toEqual([name, expect.stringMatching(/^(?:`|none[:,] .{15})/)]);
  });

  test("names only settings that exist in that table", () => {
    const known = new Set([
      ...keysOf((table) => ({ ...table })),
      ...keysOf((table) => ({ fastcgi: table })),
      ...keysOf((table) => ({ cache: table })),
      ...keysOf((table) => ({ cache: { lock: table } })),
      ...keysOf((table) => ({ timeouts: table })),
      ...keysOf((table) => ({ limits: table })),
      ...keysOf((table) => ({ upstreams: { a: table } })),
      ...keysOf((table) => ({ upstreams: { a: { nextUpstream: table } } })),
      "*",
    ]);
    const used = [...rows.values()].flatMap((here) =>
      [...here.matchAll(/^`([\w.*]+)/g)].flatMap(([, path = ""]) => path.split(".")),
    );
    expect(used.length).toBeGreaterThan(60);
    expect(used.filter((key) => !known.has(key))).toEqual([]);
  });

  test.each<[string, (table: object) => object]>([
    ["the whole", (table) => table],
    ["a site", (table) => ({ sites: [table] })],
    ["a location", (table) => ({ locations: [table] })],
    ["return", (table) => ({ locations: [{ return: table }] })],
    ["rewrite", (table) => ({ rewrite: [table] })],
    ["fastcgi", (table) => ({ fastcgi: table })],
    ["cache", (table) => ({ cache: table })],
    ["caches", (table) => ({ caches: { a: table } })],
    ["upstreams", (table) => ({ upstreams: { a: table } })],
    ["servers", (table) => ({ upstreams: { a: { servers: [table] } } })],
    ["nextUpstream", (table) => ({ upstreams: { a: { nextUpstream: table } } })],
    ["healthCheck", (table) => ({ upstreams: { a: { healthCheck: table } } })],
    ["queue", (table) => ({ upstreams: { a: { queue: table } } })],
    ["pools", (table) => ({ pools: { a: table } })],
    ["listen", (table) => ({ listen: table })],
    ["log", (table) => ({ log: table })],
    ["metrics", (table) => ({ metrics: table })],
    ["compress", (table) => ({ compress: table })],
    ["timeouts", (table) => ({ timeouts: table })],
  ])("names every key of %s", (_name, wrap) => {
    const keys = keysOf(wrap);
    expect(keys.length).toBeGreaterThan(1);
    expect(keys.filter((key) => !names(key))).toEqual([]);
  });

  test("names every variable", () => {
    expect([...VARIABLES].filter((name) => !TEXT.includes(`\`$${name}\``))).toEqual([]);
  });

  const examples = [...TEXT.matchAll(/```ts\nimport .*;\n\nexport default (defineConfig\([\s\S]*?\));\n```/g)];

  test("has examples, each a configuration that is good", () => {
    expect(examples.length).toBe([...TEXT.matchAll(/```ts/g)].length);
    for (const [, code] of examples) {
      const config = new Function("defineConfig", `return ${code}`)(defineConfig);
      expect(checkConfig(config)).toEqual([]);
      expect(compileConfig(config).sites.length).toBeGreaterThan(0);
    }
  });
});

describe("configurations of the examples", () => {
  const folder = new URL("../../examples/", import.meta.url);
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith("edge-fpm.config.ts"),
  );

  test("are there", () => expect(files.length).toBeGreaterThan(1));

  test.each(files)("%s is good", async (name) => {
    const scratch = makeScratch("example-config");
    try {
      // As the package would be found by its name.
      const gateway = JSON.stringify(new URL("../../src/gateway/index.ts", import.meta.url).pathname);
      const path = join(scratch.path, "edge-fpm.config.ts");
      writeFileSync(path, readFileSync(new URL(name, folder), "utf8").replace('"edge-fpm/gateway"', gateway));
      const { default: config } = (await import(path)) as { default: object };
      expect(checkConfig(config)).toEqual([]);
    } finally {
      scratch.remove();
    }
  });
});
