// The same requests to nginx's fastcgi_cache and to ours, both before real php-fpm.

import { mkdirSync, writeFileSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { CacheOptions } from "../../../src/gateway/cache/index.ts";
import { addressPlain } from "../../peers/address.ts";
import { scriptParams } from "../../peers/cgi-fcgi.ts";
import { type NginxServers, startNginxServers } from "../../peers/nginx.ts";
import { describePeers } from "../../peers/peer.ts";
import { type PhpFpm, startPhpFpm } from "../../peers/php-fpm.ts";
import { makeScratch } from "../../peers/scratch.ts";
import { cachedScripts } from "./before-php-fpm.ts";

/** Counts its runs by `id`, sends the headers it is asked for, and fails from run `fail` on. */
const SCRIPT = `<?php
$file = __DIR__ . '/runs-' . basename($_GET['id']);
$run = (int) @file_get_contents($file) + 1;
file_put_contents($file, $run);
http_response_code((int) ($_GET['status'] ?? 200));
if (isset($_GET['fail']) && $run >= (int) $_GET['fail']) http_response_code(500);
foreach ($_GET['h'] ?? [] as $header) header(str_replace('NOW', gmdate('D, d M Y H:i:s', time()), $header));
if (isset($_GET['etag'])) {
  header('ETag: "v"');
  if (($_SERVER['HTTP_IF_NONE_MATCH'] ?? '') === '"v"') { http_response_code(304); exit; }
}
if (isset($_GET['sleep'])) usleep(300000);
$body = "run $run " . $_SERVER['REQUEST_METHOD'];
// nginx makes no ranges of what has no length.
if (isset($_GET['length'])) header('Content-Length: ' . strlen($body));
echo $body;
`;

/** What each script name is configured as, in nginx's words and ours. */
const ZONES: Readonly<Record<string, { readonly nginx: readonly string[]; readonly own: Partial<CacheOptions> }>> = {
  page: {
    nginx: ["fastcgi_cache_valid 404 1m;"],
    own: { valid: { 404: 60 } },
  },
  table: {
    nginx: ["fastcgi_cache_valid 1m;"],
    own: { valid: 60 },
  },
  any: {
    nginx: ["fastcgi_cache_valid 200 2s;", "fastcgi_cache_valid any 1m;"],
    own: { valid: { 200: 2, any: 60 } },
  },
  uses: {
    nginx: ["fastcgi_cache_min_uses 3;"],
    own: { minUses: 3 },
  },
  bypass: {
    nginx: ["fastcgi_cache_bypass $http_x_bypass;", "fastcgi_no_cache $http_x_no_cache;"],
    own: {
      bypass: ({ headers }) => headers.get("x-bypass") !== null,
      noCache: ({ headers }) => headers.get("x-no-cache") !== null,
    },
  },
  stale: {
    nginx: ["fastcgi_cache_use_stale error http_500;"],
    own: { useStale: ["error", "http_500"] },
  },
  behind: {
    nginx: ["fastcgi_cache_use_stale updating;", "fastcgi_cache_background_update on;"],
    own: { useStale: ["updating"] },
  },
  confirm: {
    nginx: ["fastcgi_cache_revalidate on;"],
    own: {},
  },
  crowd: {
    nginx: ["fastcgi_cache_lock on;"],
    own: {},
  },
  ranges: {
    nginx: ["fastcgi_force_ranges on;"],
    own: {},
  },
  ignore: {
    nginx: ["fastcgi_ignore_headers Cache-Control Expires Set-Cookie Vary X-Accel-Expires;", "fastcgi_cache_valid 1m;"],
    own: { ignoreHeaders: ["Cache-Control", "Expires", "Set-Cookie", "Vary", "X-Accel-Expires"], valid: 60 },
  },
};

interface Step {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Seconds to wait before it; `SOON`. */
  readonly after?: number;
}

/** Status, X-Cache-Status, body. */
type Answer = readonly [number, string, string];

/** Past the end of what is fresh for 1 s: nginx counts in whole seconds. */
const LATER = 2.5;

/** nginx may answer a moment before it has stored. */
const SOON = 0.1;

const get: Step = {};

describePeers(["php-fpm8.2", "nginx"], "the cache beside nginx's", () => {
  const scratch = makeScratch("cache-nginx");
  const nginxRoot = join(scratch.path, "nginx");
  const ownRoot = join(scratch.path, "own");
  let fpm: PhpFpm;
  let mortal: PhpFpm;
  let nginx: NginxServers;
  let own: Readonly<Record<string, (request: Request) => Promise<Response>>>;

  beforeAll(async () => {
    fpm = await startPhpFpm({ listen: "unix", children: 4 });
    mortal = await startPhpFpm({ listen: "unix", children: 2 });
    const askers: [string, (request: Request) => Promise<Response>][] = [];
    for (const root of [nginxRoot, ownRoot]) mkdirSync(root);
    for (const zone of [...Object.keys(ZONES), "mortal"]) {
      for (const root of [nginxRoot, ownRoot]) writeFileSync(join(root, `${zone}.php`), SCRIPT);
      const address = zone === "mortal" ? mortal.address : fpm.address;
      askers.push([zone, cachedScripts(ownRoot, address, ZONES[zone === "mortal" ? "stale" : zone]?.own ?? {}).ask]);
    }
    own = Object.fromEntries(askers);
    nginx = await startNginxServers(
      (folder) => {
        const params = Object.keys(scriptParams("", ""))
          .map((name) => `fastcgi_param ${name} ${PARAMS[name] ?? "''"};`)
          .join("\n");
        const location = (zone: string, lines: readonly string[], address: string) => `
        location = /${zone}.php {
          ${params}
          fastcgi_pass unix:${address};
          fastcgi_cache zone;
          fastcgi_cache_key $request_uri;
          ${lines.join("\n")}
          add_header X-Cache-Status $upstream_cache_status always;
        }`;
        const locations = Object.entries(ZONES).map(([zone, { nginx }]) =>
          location(zone, nginx, addressPlain(fpm.address)),
        );
        return `
        fastcgi_cache_path ${folder}/cache levels=1:2 keys_zone=zone:1m;
        server {
          listen unix:${folder}/cache.sock;
          root ${nginxRoot};
          ${locations.join("\n")}
          ${location("mortal", ZONES.stale?.nginx ?? [], addressPlain(mortal.address))}
        }`;
      },
      ["cache"],
    );
  });
  afterAll(async () => {
    await nginx?.stop();
    await fpm?.stop();
    await mortal?.stop();
    scratch.remove();
  });

  const askNginx = (path: string, { method = "GET", headers = {} }: Step) => {
    return new Promise<Answer>((resolve, reject) => {
      const socketPath = join(nginx.folder, "cache.sock");
      httpRequest({ socketPath, path, method, headers: { Host: "example.test", ...headers } }, (response) => {
        let body = "";
        response.setEncoding("latin1");
        response.on("data", (chunk: string) => {
          body += chunk;
        });
        response.on("error", reject);
        const cookie = response.headers["set-cookie"]?.join() ?? "";
        response.on("end", () => {
          resolve(answerOf(response.statusCode ?? 0, response.headers["x-cache-status"], body + cookie));
        });
      })
        .on("error", reject)
        .end();
    });
  };
  const askOwn = async (path: string, { method = "GET", headers = {} }: Step): Promise<Answer> => {
    const zone = path.slice(1, path.indexOf("."));
    try {
      const response = await (own[zone] as (request: Request) => Promise<Response>)(
        new Request(`http://example.test${path}`, { method, headers: headers as Record<string, string> }),
      );
      return answerOf(
        response.status,
        response.headers.get("x-cache-status") ?? undefined,
        (await response.text()) + response.headers.getSetCookie().join(),
      );
    } catch {
      // As the gateway answers it.
      return [502, "", ""];
    }
  };
  /** Bodies of failures are each server's own. */
  const answerOf = (status: number, cache: string | string[] | undefined, body: string): Answer => {
    return [status, String(cache ?? ""), status >= 500 ? "" : body];
  };

  let ids = 0;
  /** Both answers to the same steps. */
  const compare = async (
    zone: string,
    query: Readonly<Record<string, string | number>>,
    headers: readonly string[],
    steps: readonly Step[],
    before?: (step: number) => Promise<unknown>,
  ) => {
    const search = new URLSearchParams([["id", String(ids++)]]);
    for (const [name, value] of Object.entries(query)) search.append(name, String(value));
    for (const header of headers) search.append("h[]", header);
    const path = `/${zone}.php?${search}`;
    const theirs: Answer[] = [];
    const ours: Answer[] = [];
    for (const [i, step] of steps.entries()) {
      await new Promise((resolve) => setTimeout(resolve, 1000 * (step.after ?? SOON)));
      await before?.(i);
      const [their, our] = await Promise.all([askNginx(path, step), askOwn(path, step)]);
      theirs.push(their);
      ours.push(our);
    }
    return { theirs, ours, statuses: ours.map(([, status]) => status) };
  };

  const MAX_AGE = "Cache-Control: max-age=60";
  const head: Step = { method: "HEAD" };
  const later: Step = { after: LATER };

  test.each<[string, string, Record<string, string | number>, string[], Step[], string[]]>([
    ["Cache-Control: max-age", "page", {}, [MAX_AGE], [get, get], ["MISS", "HIT"]],
    ["nothing said", "page", {}, [], [get, get], ["MISS", "MISS"]],
    ["s-maxage", "page", {}, ["Cache-Control: max-age=0, s-maxage=60"], [get, get], ["MISS", "HIT"]],
    ["private", "page", {}, ["Cache-Control: private, max-age=60"], [get, get], ["MISS", "MISS"]],
    ["no-store", "page", {}, ["Cache-Control: no-store"], [get, get], ["MISS", "MISS"]],
    ["no-cache", "page", {}, ["Cache-Control: no-cache, max-age=60"], [get, get], ["MISS", "MISS"]],
    ["max-age=0", "page", {}, ["Cache-Control: max-age=0"], [get, get], ["MISS", "MISS"]],
    ["Expires to come", "page", {}, ["Expires: Thu, 01 Jan 2037 00:00:00 GMT"], [get, get], ["MISS", "HIT"]],
    ["Expires gone by", "page", {}, ["Expires: Thu, 01 Jan 2015 00:00:00 GMT"], [get, get], ["MISS", "MISS"]],
    ["X-Accel-Expires", "page", {}, ["X-Accel-Expires: 60"], [get, get], ["MISS", "HIT"]],
    ["X-Accel-Expires: 0", "page", {}, ["X-Accel-Expires: 0", MAX_AGE], [get, get], ["MISS", "MISS"]],
    ["X-Accel-Expires: @0", "page", {}, ["X-Accel-Expires: @0"], [get, get], ["MISS", "MISS"]],
    ["X-Accel-Expires: @time", "page", {}, ["X-Accel-Expires: @4000000000"], [get, get], ["MISS", "HIT"]],
    [
      "X-Accel-Expires first",
      "page",
      {},
      ["X-Accel-Expires: 60", "Cache-Control: no-store"],
      [get, get],
      ["MISS", "HIT"],
    ],
    ["Set-Cookie", "page", {}, [MAX_AGE, "Set-Cookie: a=1"], [get, get], ["MISS", "MISS"]],
    ["Vary: *", "page", {}, [MAX_AGE, "Vary: *"], [get, get], ["MISS", "MISS"]],
    ["a 500 that may be cached", "page", { status: 500 }, [MAX_AGE], [get, get], ["MISS", "HIT"]],
    ["the table, 404", "page", { status: 404 }, [], [get, get], ["MISS", "HIT"]],
    ["the table, 200 alone", "table", {}, [], [get, get], ["MISS", "HIT"]],
    ["the table, 302", "table", { status: 302 }, ["Location: /x"], [get, get], ["MISS", "HIT"]],
    ["the table, 404 not in it", "table", { status: 404 }, [], [get, get], ["MISS", "MISS"]],
    ["the table, any", "any", { status: 410 }, [], [get, get], ["MISS", "HIT"]],
    ["the end of freshness", "any", {}, [], [get, get, { after: 3.5 }, get], ["MISS", "HIT", "EXPIRED", "HIT"]],
    ["min_uses", "uses", {}, [MAX_AGE], [get, get, get, get], ["MISS", "MISS", "MISS", "HIT"]],
    ["a HEAD after a GET", "page", {}, [MAX_AGE], [get, head, get], ["MISS", "HIT", "HIT"]],
    ["a POST", "page", {}, [], [{ method: "POST" }, { method: "POST" }], ["", ""]],
    ["bypass", "bypass", {}, [MAX_AGE], [get, { headers: { "X-Bypass": "1" } }, get], ["MISS", "BYPASS", "HIT"]],
    ["no_cache", "bypass", {}, [MAX_AGE], [{ headers: { "X-No-Cache": "1" } }, get, get], ["MISS", "MISS", "HIT"]],
    [
      "bypass and no_cache",
      "bypass",
      {},
      [MAX_AGE],
      [get, { headers: { "X-Bypass": "1", "X-No-Cache": "1" } }, get],
      ["MISS", "BYPASS", "HIT"],
    ],
    [
      "Vary",
      "page",
      {},
      [MAX_AGE, "Vary: Accept-Language"],
      ["de", "fr", "de", "fr"].map((language) => ({ headers: { "Accept-Language": language } })),
      ["MISS", "MISS", "HIT", "HIT"],
    ],
    [
      "every header ignored",
      "ignore",
      {},
      ["Cache-Control: no-store", "X-Accel-Expires: 0", "Vary: *"],
      [get, get],
      ["MISS", "HIT"],
    ],
    [
      "a range of a cached whole",
      "ranges",
      { length: 1 },
      [MAX_AGE],
      [get, { headers: { Range: "bytes=0-2" } }],
      ["MISS", "HIT"],
    ],
    [
      "a range on a miss",
      "ranges",
      { length: 1 },
      [MAX_AGE],
      [{ headers: { Range: "bytes=0-2" } }, get],
      ["MISS", "HIT"],
    ],
    [
      "a condition on it",
      "page",
      { etag: 1 },
      [MAX_AGE],
      [get, { headers: { "If-None-Match": '"v"' } }],
      ["MISS", "HIT"],
    ],
    [
      "a condition on a miss",
      "page",
      { etag: 1 },
      [MAX_AGE],
      [{ headers: { "If-None-Match": '"v"' } }, get],
      ["MISS", "HIT"],
    ],
    ["use_stale http_500", "stale", { fail: 2 }, ["X-Accel-Expires: 1"], [get, later, get], ["MISS", "STALE", "STALE"]],
    ["no use_stale", "page", { fail: 2 }, ["X-Accel-Expires: 1"], [get, later], ["MISS", "EXPIRED"]],
    ["updating behind", "behind", {}, ["X-Accel-Expires: 1"], [get, later, { after: 0.5 }], ["MISS", "STALE", "HIT"]],
    [
      "revalidate",
      "confirm",
      { etag: 1 },
      ["Cache-Control: max-age=1"],
      [get, later, get],
      ["MISS", "REVALIDATED", "HIT"],
    ],
  ])("%s: the same", async (_name, zone, query, headers, steps, statuses) => {
    const { theirs, ours, statuses: seen } = await compare(zone, query, headers, steps);
    expect(ours).toEqual(theirs);
    expect(seen).toEqual(statuses);
  });

  test("use_stale error while php-fpm is down: the same", async () => {
    const { theirs, ours } = await compare("mortal", {}, ["X-Accel-Expires: 1"], [get, later], async (step) => {
      if (step === 1) await mortal.stop();
    });
    expect(ours).toEqual(theirs);
    expect(ours).toEqual([
      [200, "MISS", "run 1 GET"],
      [200, "STALE", "run 1 GET"],
    ]);
  });

  test("a HEAD before a GET: nginx serves the empty body of the HEAD from then on", async () => {
    const { theirs, ours } = await compare("page", {}, [MAX_AGE], [head, { after: 0.5 }]);
    expect(theirs).toEqual([
      [200, "MISS", ""],
      [200, "HIT", ""],
    ]);
    expect(ours).toEqual([
      [200, "MISS", ""],
      [200, "HIT", "run 1 GET"],
    ]);
  });

  test("X-Accel-Expires after Cache-Control: nginx heeds what comes first, ours does not depend on the order", async () => {
    const { theirs, ours } = await compare("page", {}, ["Cache-Control: no-store", "X-Accel-Expires: 60"], [get, get]);
    expect(theirs.map(([, status]) => status)).toEqual(["MISS", "MISS"]);
    expect(ours.map(([, status]) => status)).toEqual(["MISS", "HIT"]);
  });

  test("Authorization: nginx stores the answer for everybody, ours does not", async () => {
    const { theirs, ours } = await compare("page", {}, [MAX_AGE], [{ headers: { Authorization: "Basic x" } }, get]);
    expect(theirs.map(([, status]) => status)).toEqual(["MISS", "HIT"]);
    expect(ours.map(([, status]) => status)).toEqual(["MISS", "MISS"]);
  });

  test("stale-while-revalidate: nginx answers at once only where told to, ours as the response says", async () => {
    const headers = ["Cache-Control: max-age=1, stale-while-revalidate=60"];
    const { theirs, ours } = await compare("page", {}, headers, [get, later, { after: 0.5 }]);
    expect(theirs.map(([, status]) => status)).toEqual(["MISS", "EXPIRED", "HIT"]);
    expect(ours.map(([, status]) => status)).toEqual(["MISS", "STALE", "HIT"]);
  });

  test("stale-if-error: nginx heeds it for connections only, ours for a 500 too", async () => {
    const headers = ["Cache-Control: max-age=1, stale-if-error=60"];
    const { theirs, ours } = await compare("page", { fail: 2 }, headers, [get, later]);
    expect(theirs.map(([, status]) => status)).toEqual(["MISS", "EXPIRED"]);
    expect(ours.map(([, status]) => status)).toEqual(["MISS", "STALE"]);
  });

  test("Set-Cookie ignored: nginx gives the cookie to everybody, ours to nobody but the first", async () => {
    const { theirs, ours } = await compare("ignore", {}, ["Set-Cookie: a=1"], [get, get]);
    expect(theirs).toEqual([
      [200, "MISS", "run 1 GETa=1"],
      [200, "HIT", "run 1 GETa=1"],
    ]);
    expect(ours).toEqual([
      [200, "MISS", "run 1 GETa=1"],
      [200, "HIT", "run 1 GET"],
    ]);
  });

  test("a crowd for something expired: with a lock nginx has each run the script, ours one", async () => {
    const path = `/crowd.php?id=${ids++}&sleep=1&h[]=X-Accel-Expires:%201`;
    const crowd = async (ask: (path: string, step: Step) => Promise<Answer>) => {
      await ask(path, get);
      await new Promise((resolve) => setTimeout(resolve, 1000 * LATER));
      const answers = await Promise.all([get, get, get].map((step) => ask(path, step)));
      return answers.map(([, status]) => status).sort();
    };
    const [theirs, ours] = await Promise.all([crowd(askNginx), crowd(askOwn)]);
    expect(theirs).toEqual(["EXPIRED", "EXPIRED", "EXPIRED"]);
    expect(ours).toEqual(["EXPIRED", "HIT", "HIT"]);
  });

  test("must-revalidate: nginx sends what is too old all the same, ours passes the failure on", async () => {
    const headers = ["Cache-Control: max-age=1, must-revalidate"];
    const { theirs, ours } = await compare("stale", { fail: 2 }, headers, [get, later]);
    expect(theirs.map(([, status]) => status)).toEqual(["MISS", "STALE"]);
    expect(ours.map(([, status]) => status)).toEqual(["MISS", "EXPIRED"]);
  });
});

/** What of `scriptParams` is nginx's to say. */
const PARAMS: Readonly<Record<string, string>> = {
  SCRIPT_FILENAME: "$document_root$fastcgi_script_name",
  SCRIPT_NAME: "$fastcgi_script_name",
  QUERY_STRING: "$query_string",
  REQUEST_METHOD: "$request_method",
  REQUEST_URI: "$request_uri",
  DOCUMENT_ROOT: "$document_root",
  SERVER_PROTOCOL: "$server_protocol",
  GATEWAY_INTERFACE: "CGI/1.1",
};
