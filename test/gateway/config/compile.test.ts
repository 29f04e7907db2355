import { describe, expect, test } from "vitest";
import { applicationsOf, longestRead } from "../../../src/gateway/config/applications.ts";
import { compileConfig } from "../../../src/gateway/config/compile.ts";
import { mapFolders } from "../../../src/gateway/config/folders.ts";
import { paramVariables } from "../../../src/gateway/config/param-variables.ts";
import { findLocation, findSite } from "../../../src/gateway/routing/index.ts";

describe("what a location inherits", () => {
  const gateway = compileConfig({
    root: "/top",
    headers: { A: "top", B: "top" },
    timeouts: { read: 5, body: 6 },
    caches: { one: {} },
    pools: { main: {} },
    sites: [
      {
        headers: { B: "site", C: "site" },
        fastcgi: { pass: "/run/site.sock", params: { P: "site", Q: "site" }, buffering: false },
        cache: { zone: "one" },
        errorPages: { "404": "/a", "500": "/b" },
        locations: [
          {
            prefix: "/x",
            headers: { C: "location" },
            fastcgi: { params: { Q: "location" } },
            timeouts: { read: 1 },
            cache: false,
            errorPages: { "404": "=410 @gone" },
          },
          { name: "@gone", fastcgi: { pass: "/run/other.sock" }, root: "/other" },
        ],
      },
      { hosts: ["b"] },
    ],
  });
  const [site] = gateway.sites;
  if (site === undefined) throw new Error("no site");
  const { found: location } = findLocation(site, "/x");

  test("tables are joined, everything else is replaced", () => {
    const values = (list: readonly { name: string; value: (variables: () => string) => string }[]) =>
      Object.fromEntries(list.map(({ name, value }) => [name, value(() => "")]));
    expect(values(location.headers)).toEqual({ A: "top", B: "site", C: "location" });
    expect(values(location.fastcgi.params)).toEqual({ P: "site", Q: "location" });
    expect(location.fastcgi).toMatchObject({ pass: "/run/site.sock", buffering: false });
    expect(location.timeouts).toEqual({ read: 1, body: 6 });
    expect(location.cache).toBeUndefined();
    expect(location.root).toBe("/top");
    expect(site.locations.named.get("@gone")).toMatchObject({ root: "/other", cache: { zone: "one" } });
    expect(location.errorPages.get(404)).toMatchObject({ type: "named", status: 410 });
    expect(location.errorPages.get(500)).toMatchObject({ type: "path", status: "keep" });
  });

  test("a site's application is for scripts, a location's own for all its paths", () => {
    expect(site.locations.default).toMatchObject({ mode: "files", fastcgi: { pass: "/run/site.sock" } });
    expect(location.mode).toBe("fastcgi");
  });

  test("the one pool there is runs what names none", () => {
    const { found } = findSite(gateway, "b");
    expect(found.locations.default.fastcgi.pass).toBe("main");
    expect([...applicationsOf(gateway)]).toEqual(["/run/site.sock", "/run/other.sock", "main"]);
    expect(longestRead(gateway, 3)).toBe(5);
  });
});

test("folders go through a function, and what is no folder stays", () => {
  const mapped = mapFolders(
    {
      root: "a",
      locations: [
        { prefix: "/x/", alias: "b/" },
        { prefix: "/y", root: "c", fastcgi: { pass: "unix:/run/x" } },
      ],
      sites: [{ root: "d" }],
      caches: { one: { path: "e" }, two: {} },
      log: { file: "f" },
    },
    (path) => `/base/${path.replace(/\/$/, "")}`,
  );
  expect(mapped).toEqual({
    root: "/base/a",
    locations: [
      { prefix: "/x/", alias: "/base/b/" },
      { prefix: "/y", root: "/base/c", fastcgi: { pass: "unix:/run/x" } },
    ],
    sites: [{ root: "/base/d" }],
    caches: { one: { path: "/base/e" }, two: {} },
    log: { file: "/base/f" },
  });
  expect(mapFolders({ log: { file: "-" } }, () => "x")).toEqual({ log: { file: "-" } });
});

test("the key of a hash is made of params", () => {
  const variables = paramVariables([
    ["REMOTE_ADDR", "192.0.2.1"],
    ["REQUEST_URI", "/a?b=c"],
    ["QUERY_STRING", "b=c"],
    ["HTTP_COOKIE", "a=1; user=ann; wordpress_logged_in_0a1b=ann%7C1"],
    ["HTTP_X_KEY", "k"],
  ]);
  const names = ["remote_addr", "uri", "arg_b", "cookie_user", "http_x_key", "host", "no_such"];
  expect(names.map(variables)).toEqual(["192.0.2.1", "/a", "c", "ann", "k", undefined, undefined]);
  // Of all whose names begin so, the first.
  const cookies = ["cookie_wordpress_logged_in_*", "cookie_*", "cookie_wordpress_logged_in", "cookie_b*"];
  expect(cookies.map(variables)).toEqual(["ann%7C1", "1", undefined, undefined]);
});
