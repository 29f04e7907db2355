// Configurations as people write them: in a real nginx, and imported, over one php-fpm.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { describePeers } from "../peers/peer.ts";
import { type Ask, type Pair, startPair } from "./site.ts";

const paths = (host: string, ...list: string[]): Ask[] => list.map((path) => ({ path, host }));

const TABLE: Readonly<Record<string, readonly Ask[]>> = {
  wordpress: [
    ...paths(
      "blog.test",
      "/",
      "/2024/some-post/",
      "/2024/some-post/?page=2",
      "/index.php",
      "/index.php/a/b?x=1",
      "/other.php",
    ),
    ...paths("blog.test", "/a.css", "/robots.txt", "/favicon.ico", "/uploads/evil.php", "/uploads/a.png", "/no.css"),
    ...paths(
      "www.blog.test",
      "/blog/wp-admin",
      "/page.html",
      "/app/",
      "/no.php",
      "/uploads/a.png/x.php",
      "/.hidden",
      "/%2e%2e/x",
    ),
    {
      path: "/form",
      host: "blog.test",
      method: "POST",
      body: "a=1&b=2",
      headers: { "Content-Type": "application/x-www-form-urlencoded" },
    },
    { path: "/", host: "unknown.test", method: "HEAD" },
  ],
  laravel: [
    ...paths("any.test", "/", "/users/1", "/users/1?x=%20y", "/index.php", "/robots.txt", "/a.css"),
    ...paths("any.test", "/page.html", "/.hidden", "/.well-known/ok.txt", "/other.php/x", "/index.php?status=500"),
  ],
  symfony: [
    ...paths(
      "app.test",
      "/",
      "/blog/1?x=1",
      "/index.php",
      "/index.php/blog",
      "/other.php",
      "/bundles/b.js",
      "/bundles/no.js",
    ),
    ...paths("app.test", "/page.html", "/other.php/x", "/blog/?a[]=1&b=%2F"),
  ],
  drupal: [
    ...paths(
      "drupal.test",
      "/",
      "/node/1?x=1",
      "/index.php",
      "/other.php",
      "/note.txt",
      "/sites/default/private/key.txt",
    ),
    ...paths(
      "drupal.test",
      "/sites/default/files/x.php",
      "/vendor/lib/x.php",
      "/a.css",
      "/no.css",
      "/no.php",
      "/.well-known/ok.txt",
    ),
    ...paths("drupal.test", "/sites/default/files/styles/thumb/a.jpg", "/a.b/x.php"),
  ],
  phpmyadmin: [
    ...paths(
      "db.test",
      "/tool/",
      "/tool/index.php?db=x",
      "/tool/other.php",
      "/tool/a.css",
      "/tool/sql/x.txt",
      "/tool/no.php",
    ),
    ...paths(
      "db.test",
      "/aliased/a.css",
      "/aliased/other.php",
      "/aliased/no.css",
      "/plain/a.txt",
      "/plain/b.css",
      "/note.txt",
    ),
    ...paths("db.test", "/page.html", "/folder", "/no"),
  ],
  microcache: [
    ...paths("cache.test", "/", "/page?x=1", "/other.php", "/index.php/x"),
    { path: "/post", host: "cache.test", method: "POST", body: "x" },
    { path: "/", host: "cache.test", headers: { Cookie: "logged_in=1" } },
  ],
  hosts: [
    ...paths("one.test", "/", "/exact?x=1", "/old/page?x=1", "/move/there?y=2", "/target/x?z"),
    ...paths("a.b.one.test", "/x"),
    ...paths("two.test", "/", "/index.php", "/app/", "/nothing/here?x=1"),
    ...paths("www.two.test", "/page.html"),
    ...paths("two.example", "/other.php"),
    ...paths("shop.three.test", "/x"),
    ...paths("shop3.three.test", "/x"),
    ...paths("unknown.test", "/"),
  ],
};

describePeers(["nginx", "php-fpm8.2"], "an imported configuration answers as nginx does with the original", () => {
  describe.each(Object.entries(TABLE))("%s", (name, asks) => {
    let pair: Pair;
    beforeAll(async () => {
      pair = await startPair(name);
    }, 60_000);
    afterAll(() => pair?.stop());

    test.each(
      asks.map((ask) => [`${ask.method ?? "GET"} ${ask.host}${ask.path} ${ask.headers?.Cookie ?? ""}`, ask] as const),
    )("%s", async (_title, ask) => {
      expect(await pair.ours(ask)).toEqual(await pair.nginx(ask));
    });
  });

  describe("the cache", () => {
    let pair: Pair;
    beforeAll(async () => {
      pair = await startPair("microcache");
    }, 60_000);
    afterAll(() => pair?.stop());

    test.each([
      [{ path: "/count" }, ["MISS", "HIT"]],
      [{ path: "/count?x=1" }, ["BYPASS", "BYPASS"]],
      [{ path: "/feed/count" }, ["BYPASS", "BYPASS"]],
      [{ path: "/WP-admin/count" }, ["BYPASS", "BYPASS"]],
      [{ path: "/sitemap_index.xml/count" }, ["BYPASS", "BYPASS"]],
      [{ path: "/count/cookie", headers: { Cookie: "logged_in=1" } }, ["BYPASS", "BYPASS"]],
    ])("%j is %j in both", async (ask, expected) => {
      for (const target of ["nginx", "ours"] as const) {
        const seen: (string | undefined)[] = [];
        for (let round = 0; round < 2; round++) seen.push((await pair[target](ask)).headers["x-cache"]);
        expect({ target, seen }).toEqual({ target, seen: expected });
      }
    });
  });

  describe("different on purpose", () => {
    let pair: Pair;
    beforeAll(async () => {
      pair = await startPair("laravel");
    }, 60_000);
    afterAll(() => pair?.stop());

    test("a path is cut behind the script though fastcgi_split_path_info is not there", async () => {
      const ask = { path: "/index.php/users", host: "any.test" };
      const [nginx, ours] = await Promise.all([pair.nginx(ask), pair.ours(ask)]);
      expect(JSON.parse(nginx.body)).toMatchObject({ SCRIPT_NAME: "/index.php/users", PATH_INFO: "" });
      expect(JSON.parse(ours.body)).toMatchObject({ SCRIPT_NAME: "/index.php", PATH_INFO: "/users" });
    });

    test("the source of a script that nothing runs is not shown", async () => {
      const ask = { path: "/other.php", host: "any.test" };
      const [nginx, ours] = await Promise.all([pair.nginx(ask), pair.ours(ask)]);
      expect(nginx.body).toContain("<?php");
      expect(ours).toMatchObject({ status: 403, body: "" });
    });
  });
});
