import { describe, expect, test } from "vitest";
import { requestId } from "../../../src/gateway/routing/request-id.ts";
import { routerOf } from "./site.ts";

describe("tryFiles", () => {
  const tree = ["/index.php", "/a.txt", "/sub/x.txt", "/page.html", "/cache/a.html", "/.env", "/x.php.bak"];

  test("takes the first that exists, and ends where the last one says", async () => {
    const { tell } = routerOf({ tryFiles: ["$uri", "$uri.html", "/index.php?q=$uri&$args"] }, tree);
    expect(await tell("/a.txt")).toBe("send /a.txt");
    expect(await tell("/page")).toBe("send /page.html");
    expect(await tell("/no?x=1")).toBe("run /www/index.php as /index.php +  ? q=/no&x=1");
  });

  test("what a path brings in begins no argument of a query", async () => {
    const { tell } = routerOf({ tryFiles: ["$uri", "/index.php?q=$uri"] }, tree);
    expect(await tell("/a&admin=1 b+c%")).toContain("? q=/a%26admin%3D1%20b%2Bc%25");
  });

  test("keeps the query of a path that says none", async () => {
    const { tell } = routerOf({ tryFiles: ["$uri", "/index.php"] }, tree);
    expect(await tell("/no?x=1")).toBe("run /www/index.php as /index.php +  ? x=1");
    const { tell: drops } = routerOf({ tryFiles: ["$uri", "/index.php?"] }, tree);
    expect(await drops("/no?x=1")).toBe("run /www/index.php as /index.php +  ? ");
  });

  test("a path that ends in a slash is for folders", async () => {
    const { tell } = routerOf({ tryFiles: ["$uri", "$uri/", "=404"] }, tree);
    expect(await tell("/sub")).toBe("301 /sub/");
    expect(await tell("/sub?a=b")).toBe("301 /sub/?a=b");
    expect(await tell("/nothing")).toBe("404");
  });

  test("goes on in a named location, with the path as it was", async () => {
    const { tell } = routerOf(
      {
        locations: [
          { prefix: "/", tryFiles: ["$uri", "@app"] },
          { name: "@app", fastcgi: { script: "/srv/app/front.php" } },
        ],
      },
      tree,
    );
    expect(await tell("/a.txt")).toBe("send /a.txt");
    expect(await tell("/some/page?x")).toBe("run /srv/app/front.php as /some/page +  ? x");
  });

  test.each(["../../etc/passwd", "/../x", ".env", "x\\..\\y", "a\0b"])(
    "a variable that a visitor fills leads out of no folder: %j",
    async (value) => {
      const { tell } = routerOf({ tryFiles: ["/cache/$http_x.html", "/$http_x", "=404"] }, tree);
      expect(await tell("/anything", { headers: [["X", value]] })).toBe("404");
    },
  );

  test.each(["/.env", "/x.php.bak", "/sub/.git/config"])("sends no %s", async (path) => {
    const { tell } = routerOf({ tryFiles: ["$uri", "=418"] }, [...tree, "/sub/.git/config"]);
    expect(await tell(path)).toBe("403");
  });
});

describe("scripts", () => {
  const tree = ["/index.php", "/blog/index.php", "/a.jpg", "/dir.php/style.css", "/x.PHP", "/x.php.bak", "/app.fcgi"];

  test("a location of fastcgi runs what exists and nothing else", async () => {
    const { tell } = routerOf({ locations: [{ regex: /\.php(\/|$)/, fastcgi: { pass: "a" } }] }, tree);
    expect(await tell("/index.php/info?q")).toBe("run /www/index.php as /index.php + /info ? q");
    expect(await tell("/nothing.php")).toBe("404");
    expect(await tell("/a.jpg/x.php")).toBe("404");
    expect(await tell("/dir.php/style.css")).toBe("404");
    expect(await tell("/a.jpg")).toBe("send /a.jpg");
  });

  test("an expression without an end runs no backup", async () => {
    const { tell } = routerOf({ locations: [{ regex: /\.php/i, fastcgi: { pass: "a", checkScript: false } }] }, tree);
    expect(await tell("/x.php.bak")).toBe("403");
    expect(await tell("/x.PHP")).toBe("403");
  });

  test("is split where the expression says", async () => {
    const fastcgi = { splitPathInfo: /^(\/app\.fcgi)(\/.*)?$/ };
    const { tell } = routerOf({ locations: [{ prefix: "/app.fcgi", fastcgi }] }, tree);
    expect(await tell("/app.fcgi/a/b")).toBe("run /www/app.fcgi as /app.fcgi + /a/b ? ");
  });

  test("without a check, a path goes to an application on another machine", async () => {
    const { tell } = routerOf({ locations: [{ prefix: "/", fastcgi: { checkScript: false, index: "main.php" } }] }, []);
    expect(await tell("/x.php/y")).toBe("run /www/x.php as /x.php + /y ? ");
    expect(await tell("/sub/")).toBe("run /www/sub/main.php as /sub/main.php +  ? ");
  });

  test("an index is looked for again: the location of scripts answers for it", async () => {
    const { go, tell } = routerOf({ locations: [{ regex: /\.php$/, fastcgi: { pass: "b" } }] }, tree);
    expect(await tell("/blog/")).toBe("run /www/blog/index.php as /blog/index.php +  ? ");
    expect((await go("/blog/")).location.fastcgi.pass).toBe("b");
  });

  test("the prefix of an application without its slash is redirected", async () => {
    const { tell } = routerOf({ locations: [{ prefix: "/app/", fastcgi: { checkScript: false } }] }, tree);
    expect(await tell("/app?x=1")).toBe("301 /app/?x=1");
  });

  test("a front controller with an unusual name is run and not sent", async () => {
    const config = { frontController: "/app.fcgi", locations: [{ prefix: "/x" }] };
    const { tell } = routerOf(config, tree);
    expect(await tell("/nothing")).toBe("run /www/app.fcgi as /app.fcgi +  ? ");
  });
});

describe("several applications", () => {
  const roots = { "/www": ["/index.php"], "/srv/blog": ["/index.php", "/style.css"], "/srv/shop": ["/index.php"] };

  test("by path, each with its folder", async () => {
    const { tell, go } = routerOf(
      {
        frontController: "/index.php",
        fastcgi: { pass: "main" },
        locations: [
          {
            prefix: "/blog/",
            alias: "/srv/blog/",
            frontController: "/blog/index.php",
            fastcgi: { pass: "blog", scriptsOnly: true },
          },
        ],
      },
      roots,
    );
    expect(await tell("/blog/style.css")).toBe("send /blog/style.css");
    expect(await tell("/blog/post/1")).toBe("run /srv/blog/index.php as /blog/index.php +  ? ");
    expect((await go("/blog/post/1")).location.fastcgi.pass).toBe("blog");
    expect(await tell("/page")).toBe("run /www/index.php as /index.php +  ? ");
    expect((await go("/page")).location.fastcgi.pass).toBe("main");
  });

  test("by host", async () => {
    const { tell } = routerOf(
      { sites: [{ root: "/srv/blog", hosts: ["blog.test"] }, { root: "/srv/shop", hosts: ["*.shop.test"] }, {}] },
      roots,
    );
    expect(await tell("/", { host: "BLOG.test." })).toBe("run /srv/blog/index.php as /index.php +  ? ");
    expect(await tell("/", { host: "a.shop.test" })).toBe("run /srv/shop/index.php as /index.php +  ? ");
    expect(await tell("/", { host: "shop.test" })).toBe("run /www/index.php as /index.php +  ? ");
  });

  test("a captured part of the host is a variable", async () => {
    const { tell } = routerOf(
      { hosts: [/^(?<user>[a-z]+)\.test$/], locations: [{ prefix: "/", return: { status: 200, body: "$user $1" } }] },
      roots,
    );
    expect(await tell("/", { host: "ann.test" })).toBe("200 ann ann");
  });
});

describe("alias", () => {
  const roots = { "/www": ["/x.txt"], "/data": ["/a.txt", "/sub/b.txt", "/.env", "/s.php"], "/data/one": [] };

  test("takes files from another folder, without the prefix", async () => {
    const { tell, go } = routerOf(
      { locations: [{ prefix: "/files/", alias: "/data/" }] },
      { ...roots, "/data/": roots["/data"] },
    );
    expect(await tell("/files/a.txt")).toBe("send /files/a.txt");
    expect(await tell("/files/sub")).toBe("301 /files/sub/");
    expect(await tell("/files/x.txt")).toBe("404");
    expect(await tell("/files/.env")).toBe("403");
    expect(await tell("/files/s.php")).toBe("run /data/s.php as /files/s.php +  ? ");
    expect((await go("/files/a.txt")).variables("request_filename")).toBe("/data/a.txt");
  });

  test("a prefix without a slash is no beginning of a longer name", async () => {
    const { tell } = routerOf({ locations: [{ prefix: "/files", alias: "/data" }] }, roots);
    expect(await tell("/files/a.txt")).toBe("send /files/a.txt");
    expect(await tell("/filesa.txt")).toBe("404");
    expect(await tell("/files.../a.txt")).toBe("404");
    // decodePath refuses it; defence in depth.
    expect(await tell("/files../www/x.txt")).toBe("404");
  });

  test("of an exact path is the file", async () => {
    const { tell } = routerOf({ locations: [{ exact: "/terms", alias: "/data/a.txt" }] }, roots);
    expect(await tell("/terms")).toBe("send /terms");
  });
});

describe("who may, and what is answered", () => {
  test("the first access rule that fits decides, after every internal redirect too", async () => {
    const { tell } = routerOf(
      {
        locations: [
          { prefix: "/admin", access: [{ allow: "10.0.0.0/8" }, { deny: "all" }], return: { status: 200, body: "in" } },
          { prefix: "/go", tryFiles: ["/admin"] },
        ],
      },
      [],
    );
    expect(await tell("/admin", { remoteAddress: "10.1.2.3" })).toBe("200 in");
    expect(await tell("/admin", { remoteAddress: "192.0.2.1" })).toBe("403");
    expect(await tell("/admin", { remoteAddress: undefined })).toBe("403");
    expect(await tell("/go", { remoteAddress: "192.0.2.1" })).toBe("403");
  });

  test("internal locations are for redirects of ours", async () => {
    const { tell, go } = routerOf({ locations: [{ prefix: "/private/", internal: true }] }, ["/private/a.txt"]);
    expect(await tell("/private/a.txt")).toBe("404");
    expect(await tell("/private/a.txt", { from: await go("/x") })).toBe("send /private/a.txt");
  });

  test("denies, returns and redirects", async () => {
    const { tell } = routerOf(
      {
        locations: [
          { prefix: "/no", deny: true },
          { prefix: "/none", deny: 404 },
          { prefix: "/gone", return: { status: 410 } },
          { prefix: "/to", return: { status: 308, location: "https://$host$request_uri" } },
          { regex: /^\/old\/(?<rest>.*)/, return: { status: 301, location: "/new/$rest?from=$1" } },
        ],
      },
      [],
    );
    expect(await tell("/no")).toBe("403");
    expect(await tell("/none")).toBe("404");
    expect(await tell("/gone")).toBe("410");
    expect(await tell("/to/x?y=%20")).toBe("308 https://example.test/to/x?y=%20");
    expect(await tell("/old/a b?é")).toBe("301 /new/a%20b?from=a%20b");
  });

  test("no header can be broken out of by what a visitor sends", async () => {
    const { go } = routerOf({ locations: [{ prefix: "/", return: { status: 302, location: "/x?$http_a$uri" } }] }, []);
    const { decision } = await go("/a\r\nSet-Cookie: x", { headers: [["a", "b\r\nc"]] });
    expect(decision).toMatchObject({ location: "/x?b%0D%0Ac/a%0D%0ASet-Cookie:%20x" });
  });
});

describe("rewrites", () => {
  test("change the path: of the site before a location is looked for, last and break within", async () => {
    const { tell } = routerOf(
      {
        rewrite: [{ from: "^/v1/(.*)", to: "/api/$1" }],
        locations: [
          { prefix: "/api/", rewrite: [{ from: "^/api/(.*)", to: "/b/$1?n=1", flag: "last" }] },
          { prefix: "/b/", rewrite: [{ from: "^/b/(.*)", to: "/files/$1", flag: "break" }] },
          { prefix: "/files/", deny: true },
        ],
      },
      ["/files/a.txt"],
    );
    expect(await tell("/v1/a.txt?x=2")).toBe("send /files/a.txt");
    expect(await tell("/files/a.txt")).toBe("403");
  });

  test("without end are 500, and so are redirects of one to another", async () => {
    const { tell } = routerOf(
      {
        locations: [
          { prefix: "/loop", rewrite: [{ from: "^/loop", to: "/loop" }] },
          { prefix: "/a", tryFiles: ["/b"] },
          { prefix: "/b", tryFiles: ["@c"] },
          { name: "@c", tryFiles: ["/a"] },
          { prefix: "/named", tryFiles: ["@nobody"] },
        ],
      },
      [],
    );
    expect(await tell("/loop")).toBe("500");
    expect(await tell("/a")).toBe("500");
    expect(await tell("/named")).toBe("500");
  });

  test("internal redirects of the gateway count with them", async () => {
    const { go, tell } = routerOf({ locations: [] }, ["/a.txt"]);
    let from = await go("/a.txt");
    for (let count = 0; count < 10; count++) from = await go("/a.txt", { from });
    expect(from.decision.type).toBe("file");
    expect(await tell("/a.txt", { from })).toBe("500");
  });
});

describe("variables", () => {
  test("are nginx's", async () => {
    const { go } = routerOf({ root: "/www", serverName: "name.test" }, ["/index.php"]);
    const { variables } = await go("/index.php/info?a=1&B=%20", {
      headers: [
        ["Cookie", "x=1; Session=abc"],
        ["Accept-Language", "de"],
        ["Authorization", "Basic YW5uOnNlY3JldA=="],
      ],
    });
    const names = ["uri", "args", "is_args", "arg_b", "cookie_session", "http_accept_language", "remote_user"];
    expect(names.map(variables)).toEqual(["/index.php/info", "a=1&B=%20", "?", "%20", "abc", "de", "ann"]);
    expect(["fastcgi_script_name", "fastcgi_path_info", "document_root", "server_name"].map(variables)).toEqual([
      "/index.php",
      "/info",
      "/www",
      "name.test",
    ]);
    expect(variables("request_filename")).toBe("/www/index.php/info");
    expect(variables("request_id")).toMatch(/^[0-9a-f]{32}$/);
    expect(variables("request_id")).toBe(variables("request_id"));
    const ids = new Set(Array.from({ length: 1_000 }, () => requestId()));
    expect(ids.size).toBe(1_000);
    expect([...ids].every((id) => /^[0-9a-f]{32}$/.test(id))).toBe(true);
    expect(variables("no_such")).toBeUndefined();
  });
});
