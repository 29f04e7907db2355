// What an operator can make the caches of a configured gateway forget, and who is one.

import { describe, expect, test } from "vitest";
import { memoryStore } from "../../src/gateway/cache/index.ts";
import type { GatewayConfig } from "../../src/gateway/config/config.ts";
import type { Script } from "./application.ts";
import { configured } from "./configured.ts";

const TOKEN = "0123456789abcdef";

async function site(purge: GatewayConfig["purge"], more: Partial<GatewayConfig> = {}) {
  let runs = 0;
  const script: Script = async (visit) => {
    runs++;
    const tag = visit.params.QUERY_STRING?.includes("tag") ? "Cache-Tag: posts, news\n" : "";
    await visit.out(`Content-Type: text/plain\nVary: Accept-Language\n${tag}\n${visit.params.REQUEST_METHOD} ${runs}`);
    return undefined;
  };
  const made = await configured(
    {
      frontController: "/index.php",
      caches: { pages: {} },
      cache: { zone: "pages", valid: { 200: 60 }, showStatus: true },
      ...(purge !== undefined && { purge }),
      ...more,
    },
    { scripts: { default: script }, resources: { cacheStore: () => memoryStore() } },
  );
  const status = async (path: string, language = "en") =>
    (await made.get(path, { headers: { "accept-language": language } })).headers.get("x-cache-status");
  const forget = async (path: string, headers: Record<string, string> = {}, remoteAddress = "127.0.0.1") => {
    const response = await made.get(path, { method: "PURGE", headers }, { remoteAddress });
    return [response.status, await response.text()];
  };
  return { ...made, status, forget };
}

describe("PURGE", () => {
  test("forgets one address, with all its variants, and nothing else", async () => {
    const { status, forget } = await site({});
    for (const path of ["/a?x=1", "/a?x=2"]) for (const language of ["en", "de"]) await status(path, language);
    const [code, body] = await forget("/a?x=1");
    expect([code, JSON.parse(String(body))]).toEqual([200, { purged: 3 }]);
    expect([await status("/a?x=1"), await status("/a?x=1", "de")]).toEqual(["MISS", "MISS"]);
    expect([await status("/a?x=2"), await status("/a?x=2", "de")]).toEqual(["HIT", "HIT"]);
  });

  test("with a star forgets all that begins so", async () => {
    const { status, forget } = await site({});
    const paths = ["/blog/one", "/blog/two?x", "/about"];
    for (const path of paths) await status(path);
    await forget("/blog/*");
    expect(await Promise.all(paths.map((path) => status(path)))).toEqual(["MISS", "MISS", "HIT"]);
  });

  test("with tags forgets what carries one of them, whatever the path", async () => {
    const { status, forget } = await site({});
    for (const path of ["/one?tag", "/two"]) await status(path);
    await forget("/", { "cache-tag": "sports, news" });
    expect([await status("/one?tag"), await status("/two")]).toEqual(["MISS", "HIT"]);
  });

  test("of what no cache is for is 404", async () => {
    const { forget } = await site(
      {},
      { locations: [{ prefix: "/live/", fastcgi: { checkScript: false }, cache: false }] },
    );
    expect((await forget("/live/x"))[0]).toBe(404);
  });

  test("is for this machine only, unless others are named", async () => {
    const { status, forget } = await site({});
    await status("/a");
    expect((await forget("/a", {}, "192.0.2.7"))[0]).toBe(403);
    expect((await forget("/a", { "x-forwarded-for": "192.0.2.7" }))[0]).toBe(403);
    expect(await status("/a")).toBe("HIT");
    const named = await site({ allow: ["192.0.2.0/24"] });
    expect((await named.forget("/a", {}, "192.0.2.7"))[0]).toBe(200);
    expect((await named.forget("/a", {}, "127.0.0.1"))[0]).toBe(403);
  });

  test("with a token is for whoever has it, from anywhere or from where it is allowed", async () => {
    const bearer = { authorization: `Bearer ${TOKEN}` };
    const anywhere = await site({ token: TOKEN });
    expect((await anywhere.forget("/a", bearer, "192.0.2.7"))[0]).toBe(200);
    expect((await anywhere.forget("/a", { authorization: "Bearer 0123456789abcdeX" }))[0]).toBe(403);
    expect((await anywhere.forget("/a"))[0]).toBe(403);
    const here = await site({ token: TOKEN, allow: ["127.0.0.1"] });
    expect((await here.forget("/a", bearer, "192.0.2.7"))[0]).toBe(403);
    expect((await here.forget("/a", bearer))[0]).toBe(200);
  });

  test("is the application's own method where nobody configured it", async () => {
    const { forget } = await site(undefined);
    expect((await forget("/a"))[1]).toBe("PURGE 1");
  });
});
