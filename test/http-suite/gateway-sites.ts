// The same site, as nginx's configuration and as ours: over the same php-fpm, over a pool of our own, and at the edge.

import { cpSync, mkdirSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { memoryStore } from "../../src/gateway/cache/index.ts";
import { compileConfig } from "../../src/gateway/config/compile.ts";
import type { GatewayConfig } from "../../src/gateway/config/config.ts";
import { createConfiguredGateway } from "../../src/gateway/index.ts";
import { nodeCompressor } from "../../src/platform/node/compress.ts";
import { nodeFiles } from "../../src/platform/node/files.ts";
import { createHttpServer, createNodeResponse } from "../../src/platform/node/http-server.ts";
import { nodeSpool } from "../../src/platform/node/spool.ts";
import { parseAddress } from "../../src/transport/address.ts";
import { connectExchange } from "../../src/transport/connect-exchange.ts";
import { connectAddress } from "../../src/transport/node/connect.ts";
import { addressUrl } from "../peers/address.ts";
import { runEdgeFpm } from "../peers/edge-fpm.ts";
import { startNginx } from "../peers/nginx.ts";
import { type PhpFpm, startPhpFpm } from "../peers/php-fpm.ts";
import { makeScratch } from "../peers/scratch.ts";
import { startWorkers } from "../workers/start.ts";

export interface GatewayServer {
  readonly baseUrl: string;
  /** Holds `www`, the root, and `private`. */
  readonly folder: string;
  stop(): Promise<void>;
}

/** Folders of the root that have a copy of `s.php`: each is a location. */
const LOCATIONS = ["plain", "errors", "headers", "caught", "ranged", "slow", "cached", "zipped", "params", "guarded"];

const WWW = fileURLToPath(new URL("gateway-www", import.meta.url));

function makeFolder(): { readonly path: string; remove(): void } {
  const scratch = makeScratch("gateway-site");
  const root = join(scratch.path, "www");
  for (const name of LOCATIONS) cpSync(WWW, join(root, name), { recursive: true });
  mkdirSync(join(scratch.path, "private"));
  const files = {
    "www/digits.txt": "0123456789",
    "www/page.html": "<p>the page for errors</p>",
    "www/long.css": "body { color: black }\n".repeat(200),
    "private/file.txt": "0123456789",
    "private/with space.txt": "spaced",
  };
  for (const [name, content] of Object.entries(files)) {
    writeFileSync(join(scratch.path, name), content);
    utimesSync(join(scratch.path, name), 1_700_000_000, 1_700_000_000);
  }
  return scratch;
}

const php = (path: string, ...lines: string[]) =>
  `location ~ ^/${path}/.*\\.php$ { %params% fastcgi_pass application; ${lines.join(" ")} }`;

export async function startNginxSite(children = 2): Promise<GatewayServer> {
  const scratch = makeFolder();
  const fpm = await startPhpFpm({ listen: "unix", children });
  const nginx = await startNginx({
    root: join(scratch.path, "www"),
    fastcgi: fpm.address,
    httpLines: ["fastcgi_cache_path %folder%/cache keys_zone=pages:1m;", "gzip_types text/css;"],
    serverLines: [
      `location /private/ { internal; alias ${scratch.path}/private/; }`,
      'location @named { default_type text/plain; return 200 "named $uri"; }',
      "error_page 404 =404 /page.html;",
      "location ~ ^/down/ { %params% fastcgi_pass unix:/nonexistent.sock; error_page 502 =200 @named; }",
      "location ~ ^/expires/ { rewrite ^/expires(/.*)$ $1 break; expires 1h; }",
      "location ~ ^/gone/ { error_page 410 http://other.test/; return 410; }",
      "location ~ ^/lost/ { error_page 410 /missing.html; return 410; }",
      'location /added/ { add_header X-Added "$host $uri" always; }',
      php("plain"),
      php(
        "errors",
        "fastcgi_intercept_errors on; error_page 404 /page.html; error_page 403 =200 /page.html; error_page 500 /plain/s.php?body=page;",
      ),
      php(
        "headers",
        "fastcgi_hide_header X-Secret; fastcgi_pass_header X-Accel-Expires; fastcgi_ignore_headers X-Accel-Redirect;",
      ),
      php("caught", 'fastcgi_catch_stderr "PHP message: caught";'),
      php("ranged", "fastcgi_force_ranges on;"),
      php("slow", "fastcgi_limit_rate 100k;"),
      php(
        "cached",
        'fastcgi_cache pages; fastcgi_cache_key "$scheme$host$request_uri"; fastcgi_cache_valid 200 404 1m; fastcgi_cache_bypass $http_x_bypass; add_header X-Cache-Status $upstream_cache_status always;',
      ),
      php("zipped", "gzip on; gzip_min_length 20; gzip_proxied any; gzip_types text/plain; gzip_vary on;"),
      php(
        "params",
        "fastcgi_param MINE $arg_mine if_not_empty; fastcgi_param WHO $remote_user; fastcgi_pass_request_headers off;",
      ),
      "location = /long.css { gzip on; gzip_min_length 20; }",
    ],
  });
  return {
    baseUrl: nginx.baseUrl,
    folder: scratch.path,
    async stop() {
      await nginx.stop();
      await fpm.stop();
      scratch.remove();
    },
  };
}

const at = (path: string) => ({ regex: `^/${path}/.*\\.php$` });

/** @param down an application that nobody can reach */
function configOf(folder: string, application: string, down: string): GatewayConfig {
  return {
    errorPages: { "404": "=404 /page.html" },
    caches: { pages: {} },
    locations: [
      { prefix: "/private/", internal: true, alias: `${folder}/private/` },
      { name: "@named", return: { status: 200, body: "named $uri", type: "text/plain" } },
      { regex: "^/down/", fastcgi: { pass: down, checkScript: false }, errorPages: { "502": "=200 @named" } },
      { regex: "^/expires/", rewrite: [{ from: "^/expires(/.*)$", to: "$1", flag: "break" }], expires: 3600 },
      { regex: "^/gone/", errorPages: { "410": "http://other.test/" }, return: { status: 410 } },
      { regex: "^/lost/", errorPages: { "410": "/missing.html" }, return: { status: 410 } },
      { prefix: "/added/", headers: { "X-Added": "$host $uri" } },
      { ...at("plain"), fastcgi: {} },
      {
        ...at("errors"),
        fastcgi: { interceptErrors: true },
        errorPages: { "404": "/page.html", "403": "=200 /page.html", "500": "/plain/s.php?body=page" },
      },
      {
        ...at("headers"),
        fastcgi: { hideHeaders: ["X-Secret"], passHeaders: ["X-Accel-Expires"], ignoreHeaders: ["X-Accel-Redirect"] },
      },
      { ...at("caught"), fastcgi: { catchStderr: ["PHP message: caught"] } },
      { ...at("ranged"), fastcgi: { forceRanges: true } },
      { ...at("slow"), fastcgi: { limitRate: 100 * 1024 } },
      {
        ...at("cached"),
        fastcgi: {},
        cache: { zone: "pages", valid: { 200: 60, 404: 60 }, bypass: ["$http_x_bypass"], showStatus: true },
      },
      { ...at("zipped"), fastcgi: {}, compress: { types: ["text/plain", "text/html"], minLength: 20 } },
      {
        ...at("params"),
        fastcgi: {
          params: { MINE: { value: "$arg_mine", ifNotEmpty: true }, WHO: "$remote_user" },
          passRequestHeaders: false,
        },
      },
      { ...at("guarded"), fastcgi: {}, authorizer: application },
      { exact: "/long.css", compress: { types: ["text/css"], minLength: 20 } },
    ],
  };
}

export async function startOurSite(children = 2): Promise<GatewayServer> {
  const scratch = makeFolder();
  const fpm: PhpFpm = await startPhpFpm({ listen: "unix", children });
  const store = memoryStore();
  const root = join(scratch.path, "www");
  const gateway = createConfiguredGateway(compileConfig(configOf(scratch.path, "application", "down"), { root }), {
    files: (folder, options) => nodeFiles(folder, options),
    application: (name) =>
      connectExchange(
        connectAddress(parseAddress(name === "down" ? "unix:/nonexistent.sock" : addressUrl(fpm.address))),
      ),
    cacheStore: () => store,
    spool: nodeSpool(),
    compress: nodeCompressor,
    createResponse: createNodeResponse,
  });
  const server = createHttpServer({ handler: gateway.handle });
  const address = await server.listen({ port: 0, host: "127.0.0.1" });
  return {
    baseUrl: `http://127.0.0.1:${"port" in address ? address.port : 0}`,
    folder: scratch.path,
    async stop() {
      await server.close(0);
      await fpm.stop();
      scratch.remove();
    },
  };
}

/** `edge-fpm serve` with a configuration file and a pool of its own. */
export async function startOurPoolSite(children = 2): Promise<GatewayServer> {
  const scratch = makeFolder();
  const config: GatewayConfig = {
    ...configOf(scratch.path, "www", "unix:/nonexistent.sock"),
    root: "www",
    pools: { www: { php: "8.2", maxChildren: children } },
  };
  const file = join(scratch.path, "edge-fpm.config.mjs");
  writeFileSync(file, `export default ${JSON.stringify(config)};\n`);
  const program = runEdgeFpm(["serve", "--config", file, "--port", "0"]);
  const [, baseUrl = ""] = await program.waitFor(/(http:\/\/127\.0\.0\.1:\d+) {2}serves/);
  return {
    baseUrl,
    folder: scratch.path,
    async stop() {
      await program.stop("SIGINT");
      scratch.remove();
    },
  };
}

/** Built, and run in workerd. Children share no files: there is one. */
export async function startEdgeSite(): Promise<GatewayServer> {
  const scratch = makeFolder();
  const config: GatewayConfig = {
    ...configOf(scratch.path, "www", "tcp://127.0.0.1:1"),
    root: join(scratch.path, "www"),
    pools: { www: {} },
  };
  const workers = await startWorkers({ root: scratch.path, config, php: "8.2", pool: { maxChildren: 1 } });
  return {
    baseUrl: workers.baseUrl,
    folder: scratch.path,
    async stop() {
      await workers.stop();
      scratch.remove();
    },
  };
}
