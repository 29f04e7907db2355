// The status and ping pages beside those of a real php-fpm: the same heads, the same fields in the same order and form.

import { afterAll, beforeAll, expect, test } from "vitest";
import { Pool, type PoolStatus, pingPage, poolConfig, statusPage } from "../../src/fpm/index.ts";
import { describePeers } from "../peers/peer.ts";
import { type PhpFpm, startPhpFpm } from "../peers/php-fpm.ts";
import { FakeClock, fakePlatform, never, request } from "./fakes.ts";
import { ask } from "./php-fpm-golden.ts";

/** One busy child and one idle one, as php-fpm is while it answers its status page with two children. */
async function ourStatus(): Promise<PoolStatus> {
  const clock = new FakeClock();
  const pool = new Pool(poolConfig({ pm: "static", maxChildren: 2 }), fakePlatform(clock).spawn, { clock });
  const started = pool.start();
  await clock.advance(0);
  await started;
  (await pool.acquire(request(), never)).release();
  await pool.acquire(request(), never);
  return pool.status();
}

/** The page with its values masked, and without what php-fpm 8.2 does not have. */
function shape(page: string): string {
  return (
    page
      .replace(/^(edge-fpm |memory peak:).*\n/gm, "")
      .replace(/<tr><th>(edge-fpm [^<]*|memory peak)<\/th><td>[^<]*<\/td><\/tr>\n/g, "")
      .replace(/<memory-peak>\d+<\/memory-peak>\n|<edge-fpm>[\s\S]*<\/edge-fpm>\n/g, "")
      .replace(/,"memory peak":\d+,"edge-fpm":\{[^}]*\}/, "")
      .replace(/^(# (HELP|TYPE) )?(edgefpm_|phpfpm_memory_peak).*\n/gm, "")
      .replace(/\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}/g, "TIME")
      .replace(/\b(Running|Idle|Finishing)\b/g, "STATE")
      // Which request a child had, and who it is.
      .replace(/(request (?:URI|method):|script:|user:)( +).*/g, "$1$2TEXT")
      .replace(/<(request-uri|request-method|script|user)>[^<]*/g, "<$1>TEXT")
      .replace(/"(request uri|request method|script|user)":"[^"]*"/g, '"$1":"TEXT"')
      .replace(/<td>(GET|-|\/[^<]*)<\/td>/g, "<td>TEXT</td>")
      .replace(/\b\d+\.\d\d\b/g, "SHARE")
      .replace(/\b\d+\b/g, "0")
  );
}

describePeers(["php-fpm8.2"], "beside a real php-fpm", () => {
  let fpm: PhpFpm;
  beforeAll(async () => {
    fpm = await startPhpFpm({
      poolLines: ["pm.status_path = /status", "ping.path = /ping", "ping.response = pong-pong"],
    });
  });
  afterAll(() => fpm?.stop());

  const queries = ["", "json", "html", "xml", "openmetrics", "xml&json", "html&xml", "JSON", "json=1", "json[]=1"];
  test.each([...queries, ...queries.map((query) => `full&${query}`)])("the status page with ?%s", async (query) => {
    const status = await ourStatus();
    const { stdout } = await ask(fpm.address, { SCRIPT_NAME: "/status", QUERY_STRING: query });
    const { head, body } = statusPage({ method: "GET", query }, () => status);
    const ours = `${head.join("\r\n")}\r\n\r\n${body}`;
    expect(shape(ours)).toBe(shape(stdout));
  });

  test.each([
    ["/status", "json", "HEAD"],
    ["/ping", "", "GET"],
    ["/ping", "", "HEAD"],
    ["/ping", "x=1", "POST"],
  ])("%s with ?%s and %s", async (path, query, method) => {
    const { stdout } = await ask(fpm.address, { SCRIPT_NAME: path, QUERY_STRING: query, REQUEST_METHOD: method });
    const status = await ourStatus();
    const page =
      path === "/ping" ? pingPage({ method, query }, "pong-pong") : statusPage({ method, query }, () => status);
    expect(`${page.head.join("\r\n")}\r\n\r\n${page.body}`).toBe(stdout);
  });
});
