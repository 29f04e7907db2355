import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { assertConfig, checkConfig } from "../../../src/gateway/config/check.ts";
import { compileConfig } from "../../../src/gateway/config/compile.ts";
import { defineConfig, type GatewayConfig } from "../../../src/gateway/config/config.ts";
import { ConfigError, problemLine } from "../../../src/gateway/config/errors.ts";

const lines = (config: unknown) => checkConfig(config).map((problem) => problemLine(problem).trim());

/** Everything that can be said, at once. */
const EVERYTHING = defineConfig({
  hosts: ["example.org", "*.example.org", "www.example.*", /^(?<user>\w+)\.test$/],
  root: "public",
  index: ["index.php"],
  frontController: "/index.php",
  scriptExtensions: [".php"],
  serverName: "example.org",
  followSymlinks: true,
  preset: "wordpress",
  headers: { "X-Frame-Options": "DENY", "X-User": "$user" },
  expires: "max",
  errorPages: { "404": "/404.html", "502 503 504": "=200 @sorry", "500": "https://status.example.org/" },
  fastcgi: {
    pass: "www",
    splitPathInfo: /^(.+\.php)(\/.*)?$/,
    params: { A: "b", HTTPS: { value: "$https", ifNotEmpty: true } },
    hideHeaders: ["X-Powered-By"],
    limitRate: 1000,
    catchStderr: ["PHP Fatal error"],
  },
  cache: {
    zone: "pages",
    valid: { 200: 60, any: 1 },
    bypass: ["$cookie_session"],
    useStale: ["error", "updating"],
    lock: { age: 3 },
  },
  authorizer: "unix:/run/auth.sock",
  filter: false,
  compress: { minLength: 100 },
  maxBody: 1000,
  timeouts: { read: 1000 },
  access: [{ allow: "10.0.0.0/8" }, { allow: "unix:" }, { deny: "all" }],
  accessLog: true,
  rewrite: [{ from: /^\/old\/(?<rest>.*)/, to: "/new/$rest", flag: "permanent" }],
  locations: [
    { exact: "/a", return: { status: 301, location: "https://$host/" } },
    { prefix: "/files/", alias: "/srv/files/", final: true },
    { regex: "^/(?<year>\\d+)/", tryFiles: ["$uri", "/archive?y=$year"] },
    { name: "@sorry", internal: true, fastcgi: { pass: "backend", script: "/srv/app.php" }, cache: false },
  ],
  upstreams: {
    backend: {
      servers: ["unix:/run/php.sock", { address: "tcp://127.0.0.1:9000", backup: true, weight: 2 }],
      balance: { hash: "$remote_addr" },
      keep: 4,
      nextUpstream: { on: ["error", "http_503"], tries: 2 },
      healthCheck: { path: "/ping" },
    },
  },
  pools: { www: { php: "8.2", maxChildren: 2, ini: { memory_limit: "64M" } } },
  caches: { pages: { store: "disk", path: "cache", maxSize: 1000 } },
  trustedProxies: { from: ["127.0.0.1", "::1"] },
  listen: { host: "127.0.0.1", port: 0 },
  log: { format: "json", file: "-" },
  limits: { maxUri: 1000 },
  underscoresInHeaders: false,
  metrics: { path: "/metrics", allow: ["127.0.0.1"] },
  serverTiming: true,
  debug: true,
});

describe("the check of a configuration", () => {
  test("has nothing against everything there is, nor against nothing", () => {
    expect(lines(EVERYTHING)).toEqual([]);
    expect(lines({})).toEqual([]);
    expect(compileConfig(EVERYTHING).sites).toHaveLength(1);
  });

  test.each<[unknown, string]>([
    [null, "everything is null; allowed: a table in braces"],
    [[], "everything is []; allowed: a table in braces"],
    [{ indx: [] }, "indx is no setting; allowed: did you mean index?"],
    [{ tomato: 1 }, "tomato is no setting; allowed: root, index,"],
    [{ maxBody: -1 }, "maxBody is -1; allowed: a whole number from 0"],
    [{ maxBody: "1m" }, 'maxBody is "1m"; allowed: a whole number from 0'],
    [{ root: "" }, 'root is ""; allowed: text, not empty'],
    [{ headers: { "a b": "x" } }, 'headers["a b"] is there; allowed: as a key: a header\'s name'],
    [{ headers: { A: "x\r\nB: y" } }, 'headers.A is "x\\r\\nB: y"; allowed: text without line breaks'],
    [{ headers: { A: "$urii" } }, "there is no variable $urii; did you mean $uri?"],
    [
      { fastcgi: { params: { A: { value: "x", ifNotEmpty: false } } } },
      "fastcgi.params.A.ifNotEmpty is false; allowed: true",
    ],
    [
      { fastcgi: { pass: "nowhere" } },
      'fastcgi.pass is "nowhere"; allowed: the name of a pool or an upstream (there are no',
    ],
    [{ cache: { zone: "x" } }, 'cache.zone is "x"; allowed: the name of one of the caches; there are no caches'],
    [{ cache: { zone: "page" }, caches: { pages: {} } }, "did you mean pages?"],
    [{ cache: {} }, "cache.zone is not there; allowed: a value"],
    [{ tryFiles: [] }, "tryFiles is []; allowed: at least one path"],
    [{ tryFiles: ["x"] }, 'tryFiles[0] is "x"; allowed: a path, or at the end'],
    [{ tryFiles: ["=404", "/x"] }, 'tryFiles[0] is "=404"; allowed: a path; a status or a named location comes last'],
    [{ tryFiles: ["@x"] }, 'tryFiles[0] is "@x"; allowed: a named location; there are none'],
    [{ tryFiles: ["=40"] }, 'tryFiles[0] is "=40"; allowed: a status such as =404'],
    [{ errorPages: { "404": "@gone" } }, 'errorPages["404"] is "@gone"; allowed: a named location'],
    [{ errorPages: { "200": "/x" } }, 'errorPages["200"] is there; allowed: as a key: one or more statuses'],
    [{ frontController: "index.php" }, "frontController is"],
    [{ access: [{ allow: "10.0.0.0/8", deny: "all" }] }, "access[0] is not one rule; allowed: one of allow and deny"],
    [{ access: [{ deny: "10.0.0.1/8" }] }, 'access[0] is "10.0.0.1/8"; allowed: an address, a range'],
    [{ locations: [{}] }, "locations[0] is for no paths; allowed: one of exact, prefix, regex and name"],
    [{ locations: [{ exact: "/a", prefix: "/" }] }, "locations[0] is exact and prefix; allowed: one of"],
    [
      { locations: [{ prefix: "/" }, { prefix: "/", final: true }] },
      "locations[1] is for the same paths as locations[0]",
    ],
    [{ locations: [{ regex: /a/i }, { regex: /a/i }] }, "locations[1] is for the same paths as locations[0]"],
    [{ locations: [{ regex: "(?<uri>a)" }] }, "locations[0].regex is a capture called uri; allowed: another name"],
    [{ locations: [{ regex: "(" }] }, 'locations[0].regex is "("; allowed: a regular expression; Invalid'],
    [{ locations: [{ regex: /^\/(\w+\s?)*$/ }] }, "a repeated group repeats itself inside"],
    [{ locations: [{ regex: /a/u }] }, "the flags u and v are not for paths"],
    [{ locations: [{ exact: "/", final: true }] }, "locations[0].final is there; allowed: with prefix only"],
    [{ locations: [{ exact: "/", deny: true, return: { status: 200 } }] }, "locations[0] is with return and deny"],
    [{ locations: [{ exact: "/", return: { status: 301 } }] }, "locations[0].return.location is not there"],
    [{ locations: [{ exact: "/", return: { status: 200, location: "/" } }] }, "locations[0].return.location is there"],
    [
      { locations: [{ prefix: "/a/", alias: "/b" }] },
      'locations[0].alias is "/b"; allowed: a slash at the end of both',
    ],
    [{ locations: [{ prefix: "/a/", alias: "/b/", root: "/c" }] }, "locations[0].alias is beside root"],
    [{ locations: [{ regex: "x", alias: "/b" }] }, "locations[0].alias is there; allowed: with prefix or exact only"],
    [{ sites: [] }, "sites is []; allowed: at least one site"],
    [{ sites: [{}], locations: [] }, "locations is beside sites; allowed: locations in one of the sites"],
    [{ sites: [{ hosts: ["a"] }, { hosts: ["A"] }] }, "sites[1].hosts[0] is a host of sites[0] too"],
    [{ sites: [{}, {}] }, "sites[1].hosts is not there; allowed: host names, as sites[0] is for every other host"],
    [{ hosts: ["a_b.*.c"] }, "hosts[0] is"],
    [{ hosts: ["m\u00fcnchen.de"] }, "hosts[0] is"],
    [{ upstreams: { a: { servers: ["here"] } } }, 'upstreams.a.servers[0] is "here"; allowed: an address'],
    [{ upstreams: { a: { servers: [{ address: "here" }] } } }, "upstreams.a.servers[0].address is"],
    [
      { upstreams: { a: { servers: [{ address: "/x", backup: true }] } } },
      "upstreams.a.servers is backup or down, all of them",
    ],
    [{ upstreams: { a: { servers: ["/x"], balance: "fair" } } }, 'upstreams.a.balance is "fair"; allowed: round-robin'],
    [
      { upstreams: { a: { servers: ["/x"], nextUpstream: { on: ["http_418"] } } } },
      "upstreams.a.nextUpstream.on[0] is",
    ],
    [{ upstreams: { a: { servers: ["/x"] } }, pools: { a: {} } }, "upstreams.a is the name of a pool too"],
    [
      { pools: { a: { snapshot: "warm.bin" }, b: { snapshot: "warm.bin" } } },
      "pools.b.snapshot is the file of pools.a too; allowed: a file of its own",
    ],
    [{ caches: { a: { store: "disk" } } }, "caches.a.path is not there; allowed: a folder, as store is disk"],
    [{ trustedProxies: { from: ["proxy"] } }, 'trustedProxies.from[0] is "proxy"'],
    [{ log: { format: "combind" } }, 'log.format is "combind"'],
    [{ pools: { a: {}, b: {} }, frontController: "/index.php" }, "fastcgi.pass is not there; allowed: one of a, b, or"],
    [
      { pools: { a: {}, b: {} }, sites: [{ locations: [{ prefix: "/", fastcgi: {} }] }] },
      "sites[0].locations[0].fastcgi.pass is not there; allowed: one of a, b",
    ],
    [{ pools: { www: { php: "8" } } }, 'pools.www.php is "8"; allowed: a version such as 8.2'],
  ])("%j", (config, line) => {
    expect(lines(config).join("\n")).toContain(line);
  });

  test("finds everything at once, and says of each thing one thing", () => {
    const found = lines({
      rot: 1,
      locations: [{ prefix: "a", alias: 3 }, { regex: "(", tryFiles: ["@x"] }, null],
      fastcgi: { pass: "x", buffring: true },
    });
    expect(found).toHaveLength(8);
  });

  test("of what a location inherits, captures are known wherever they may come from", () => {
    expect(lines({ headers: { A: "$lang" }, locations: [{ regex: "^/(?<lang>..)/" }] })).toEqual([]);
    expect(lines({ locations: [{ regex: "^/(?<lang>..)/", headers: { A: "$lang" } }] })).toEqual([]);
    expect(lines({ locations: [{ prefix: "/", headers: { A: "$lang" } }] })).toHaveLength(1);
  });

  test("throws one error with all of it, in words", () => {
    expect(() => assertConfig({ a: 1, debug: "yes" }, "x.ts")).toThrow(ConfigError);
    try {
      assertConfig({ a: 1, debug: "yes" }, "x.ts");
    } catch (error) {
      expect(error).toMatchObject({ code: "CONFIG_INVALID", problems: [{ path: "debug" }, { path: "a" }] });
      expect((error as Error).message).toBe(
        'x.ts has 2 mistakes:\n  debug is "yes"; allowed: true or false\n' +
          `  a is no setting; allowed: ${checkConfig({ a: 1 })[0]?.allowed}`,
      );
    }
  });

  test("never throws, whatever it is given, and what it accepts compiles", () => {
    const leaf = fc.oneof(
      fc.string(),
      fc.integer(),
      fc.boolean(),
      fc.constant(null),
      fc.constant(/a/),
      fc.constantFrom("/a", "@b", "$uri", "www"),
    );
    const key = fc.constantFrom(
      ...[
        "exact",
        "prefix",
        "regex",
        "name",
        "return",
        "status",
        "fastcgi",
        "pass",
        "cache",
        "zone",
        "tryFiles",
        "headers",
      ],
      ...[
        "locations",
        "sites",
        "hosts",
        "upstreams",
        "servers",
        "pools",
        "access",
        "allow",
        "rewrite",
        "from",
        "to",
        "errorPages",
      ],
      ...["params", "log", "format", "caches", "metrics", "path", "404", "x"],
    );
    const value = fc.letrec((tie) => ({
      any: fc.oneof(
        { maxDepth: 5 },
        leaf,
        fc.array(tie("any"), { maxLength: 3 }),
        fc.dictionary(key, tie("any"), { maxKeys: 4 }),
      ),
    })).any;
    fc.assert(
      fc.property(fc.dictionary(key, value, { maxKeys: 5 }), (config) => {
        if (checkConfig(config).length === 0) compileConfig(config as GatewayConfig);
      }),
      { numRuns: 2000 },
    );
  });
});
