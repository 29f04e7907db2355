// What an nginx configuration becomes, without a server.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { checkConfig } from "../../src/gateway/config/check.ts";
import { importNginx, type NginxFiles, NginxSyntaxError, writeConfig } from "../../src/nginx/index.ts";
import { parseNginx } from "../../src/nginx/parse.ts";
import { toRegExp } from "../../src/nginx/regex.ts";
import { sizeOf, timeOf } from "../../src/nginx/units.ts";

/** Files in a table; patterns are not looked for. */
function table(files: Readonly<Record<string, string>>): NginxFiles {
  return {
    read(file) {
      const text = files[file];
      if (text === undefined) throw new Error("no such file");
      return text;
    },
    glob: (pattern) => [pattern],
    resolve: (name) => (name.startsWith("/") ? name : `/etc/${name}`),
  };
}

const imported = (text: string, files: Readonly<Record<string, string>> = {}) =>
  importNginx("/etc/nginx.conf", table({ "/etc/nginx.conf": text, ...files }));

const server = (text: string) => imported(`server { listen 80; server_name a.test; root /srv; ${text} }`);

describe("the parser", () => {
  test("keeps lines, quotes, escapes and braces of variables", () => {
    const text = 'a "b;c" \'d"e\' f\\"g; # no\n\nh $\u007bi}j { k \\.php$; }\nl "x\ny" z;';
    expect(parseNginx(text, "f")).toEqual([
      { name: "a", args: ["b;c", 'd"e', 'f"g'], block: undefined, file: "f", line: 1 },
      {
        name: "h",
        args: [`$\{i}j`],
        block: [{ name: "k", args: ["\\.php$"], block: undefined, file: "f", line: 3 }],
        file: "f",
        line: 3,
      },
      { name: "l", args: ["x\ny", "z"], block: undefined, file: "f", line: 4 },
    ]);
  });

  test("goes over Lua with its own braces", () => {
    const text = 'content_by_lua_block {\n local s = "}" -- }\n if x then y = {} end\n}\nroot /x;';
    expect(parseNginx(text, "f").map(({ name, line }) => [name, line])).toEqual([
      ["content_by_lua_block", 1],
      ["root", 5],
    ]);
  });

  test.each([
    ["server {", /f:1: the block that begins in line 1 has no end/],
    ["a;\n}", /f:2: there is no block/],
    ["root /x", /root of line 1 has no end/],
    ["a { b c }", /c|no end/],
    ['a "b', /f:1: the quote " is never closed/],
    ['a "b"c;', /right behind a closing quote/],
    ["a ; ; b;", /where a directive's name/],
    ["x{".repeat(70), /nested more than/],
  ])("%j is no configuration", (text, message) => {
    expect(() => parseNginx(text, "f")).toThrow(NginxSyntaxError);
    expect(() => parseNginx(text, "f")).toThrow(message);
  });

  test("never does anything but parse or refuse", () => {
    const piece = fc.constantFrom(
      "a",
      " ",
      "{",
      "}",
      ";",
      '"',
      "'",
      "\\",
      "$",
      "#",
      "\n",
      `$\{x}`,
      "x_by_lua_block",
      "]]",
      "--[[",
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
        try {
          parseNginx(pieces.join(""), "f");
        } catch (error) {
          expect(error).toBeInstanceOf(NginxSyntaxError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

test.each([
  ["8k", 8192],
  ["1M", 1_048_576],
  ["0", 0],
  ["1x", undefined],
  ["", undefined],
])("a size of %j is %j bytes", (text, bytes) => {
  expect(sizeOf(text)).toBe(bytes);
});

test.each([
  ["30", 30_000],
  ["1h30m", 5_400_000],
  ["100ms", 100],
  ["1M", 2_592_000_000],
  ["", undefined],
  ["x", undefined],
])("a time of %j is %j ms", (text, milliseconds) => {
  expect(timeOf(text)).toBe(milliseconds);
});

test.each([
  ["(?i)^/a", "/^\\/a/i"],
  ["^/(?P<name>x)", "/^\\/(?<name>x)/"],
  ["[]a]", "/[\\]a]/"],
  ["[[:digit:]]+\\z", "/[0-9]+$/"],
  ["a++", "JavaScript has no ++ in regular expressions"],
  ["(?>a)", "JavaScript has no (?> in regular expressions"],
])("the expression %j is %j", (pcre, expected) => {
  expect(String(toRegExp(pcre, false))).toBe(expected);
});

describe("what is taken", () => {
  test("params are inherited only where none is set", () => {
    const { config } = server(`fastcgi_param A 1;
      location = /a.php { fastcgi_pass 127.0.0.1:9000; }
      location = /b.php { fastcgi_pass 127.0.0.1:9000; fastcgi_param B 2; }`);
    expect(config.locations?.slice(0, 2).map(({ fastcgi }) => fastcgi?.params)).toEqual([{ A: "1" }, { B: "2" }]);
  });

  test("an upstream with everything", () => {
    const { config, leftOut } = imported(`
      upstream php { least_conn; server 10.0.0.1:9000 weight=3 max_fails=2 fail_timeout=1m; server unix:/run/b.sock backup;
        server 10.0.0.3:9000 down; server 10.0.0.4:9000 max_conns=5; keepalive 8; keepalive_timeout 30s; }
      server { root /srv; location ~ \\.php$ { fastcgi_pass php; fastcgi_keep_conn on; fastcgi_next_upstream error invalid_header non_idempotent;
        fastcgi_next_upstream_tries 2; fastcgi_connect_timeout 500ms; fastcgi_read_timeout 5m; } }`);
    expect(config.upstreams).toEqual({
      php: {
        servers: [
          { address: "tcp://10.0.0.1:9000", weight: 3, maxFails: 2, failTimeout: 60_000 },
          { address: "unix:/run/b.sock", backup: true },
          { address: "tcp://10.0.0.3:9000", down: true },
          { address: "tcp://10.0.0.4:9000", maxConnections: 5 },
        ],
        balance: "least-connections",
        keep: 8,
        keepTimeout: 30_000,
        connectTimeout: 500,
        nextUpstream: { on: ["error", "invalid-header", "non-idempotent"], tries: 2 },
      },
    });
    expect(config.locations?.find((one) => "regex" in one)?.timeouts).toEqual({ read: 300_000 });
    expect(leftOut).toEqual([]);
  });

  test("locations inside a location go before those around it, the rest of the site included", () => {
    const { config } = server(
      "location ~ x { return 201; } location ^~ /a/ { location ~ x { return 202; } location /a/b/ { return 203; } }",
    );
    const regexes = (config.locations ?? []).flatMap((one) => ("regex" in one ? [one] : []));
    const first = (path: string) => regexes.find(({ regex }) => new RegExp(regex).test(path))?.return?.status;
    expect([first("/x"), first("/a/x"), first("/b/a/x")]).toEqual([201, 202, 201]);
  });

  test("one log, compression, proxies, errors", () => {
    const { config, leftOut } =
      imported(`http { log_format own '$remote_addr "$request"' ' $status'; access_log /var/log/a own;
      gzip on; gzip_types text/css; gzip_min_length 1k; set_real_ip_from 10.0.0.0/8; real_ip_header X-Forwarded-For;
      server { listen 8080; root /srv; error_page 500 502 =503 /busy.html; client_max_body_size 0; expires 1d; } }`);
    expect(config).toMatchObject({
      log: { format: '$remote_addr "$request" $status', file: "/var/log/a" },
      compress: { types: ["text/html", "text/css"], minLength: 1024 },
      trustedProxies: { from: ["10.0.0.0/8"], take: ["for"] },
      errorPages: { "500 502": "=503 /busy.html" },
      listen: { port: 8080 },
      maxBody: Number.MAX_SAFE_INTEGER,
      expires: 86_400,
    });
    expect(leftOut).toEqual([]);
  });
});

describe("conditions", () => {
  const cached = (http: string, inside: string) =>
    imported(`fastcgi_cache_path /c keys_zone=z:1m; ${http}
      server { root /srv; ${inside} location ~ \\.php$ { fastcgi_pass 127.0.0.1:9000; fastcgi_cache z; fastcgi_cache_bypass $skip; } }`);
  const bypass = (one: ReturnType<typeof cached>) =>
    one.config.locations?.find((location) => location.cache !== undefined)?.cache;

  test.each([
    ["map $request_method $skip { default 1; GET 0; HEAD 0; }", "", undefined],
    ["map $http_cookie $skip { default 0; ~session 1; }", "", ["$http_cookie"]],
    ["map $arg_preview $skip { default 0; 1 1; }", "", ["$arg_preview"]],
    [
      "",
      'set $skip 0; if ($args != "") { set $skip 1; } if ($http_authorization) { set $skip 1; }',
      ["$is_args", "$http_authorization"],
    ],
    ["", "set $skip $cookie_user;", ["$cookie_user"]],
  ])("%s %s", (http, inside, expected) => {
    const cache = bypass(cached(http, inside));
    expect(cache).toMatchObject({ zone: "z" });
    expect(typeof cache === "object" ? cache.bypass : undefined).toEqual(expected);
  });

  test.each([
    ["", "set $skip 1; if ($args = 1) { set $skip 0; }"],
    ["map $remote_addr $skip { default 0; 127.0.0.1 1; }", ""],
    ["map $http_cookie $skip { default 1; '' 0; }", ""],
    ["", "if ($request_method = GET) { set $skip 1; }"],
  ])("nothing is kept with %s %s", (http, inside) => {
    expect(bypass(cached(http, inside))).toBeUndefined();
  });

  test("a rewrite of what is missing is tryFiles", () => {
    const { config, leftOut } = server(
      "location / { if (!-e $request_filename) { rewrite ^(.*)$ /index.php?q=$1 last; } }",
    );
    expect(config.locations?.[0]?.tryFiles).toEqual(["$uri", "$uri/", "/index.php?q=$uri&$args"]);
    expect(leftOut).toEqual([]);
  });
});

describe("what is left out is named with its line", () => {
  const of = (text: string) => server(text).leftOut.map(({ kind, line, why }) => `${line} ${kind}: ${why}`);

  test.each([
    ["\nautoindex on;", "2 unsupported: folders without an index are 403"],
    ["\ntcp_nodelay on;", "2 meaningless: it is about nginx itself"],
    [
      "location / {\n if ($http_user_agent ~ bot) { return 403; } }",
      "2 unsupported: there is no if: what it refuses is open now",
    ],
    [
      "location ~ a++ { deny all; }",
      "1 unsupported: JavaScript has no ++ in regular expressions; its paths go to other locations now",
    ],
    ["listen 443 ssl;", "1 decision: the gateway speaks HTTP: TLS ends in front of it"],
    ["location / { add_header X $nothing; }", "1 unsupported: there is no variable $nothing"],
    ["include no.conf;", "1 decision: /etc/no.conf cannot be read: no such file"],
  ])("%j", (text, expected) => {
    expect(of(text)).toContain(expected);
  });

  test("without a fixed root nothing is sent: the configuration's own folder is not the site's", () => {
    const { config, leftOut } = imported("server { root /var/www/$host; location /a { try_files $uri =404; } }");
    expect(config.locations).toEqual([
      { prefix: "/a", deny: 404 },
      { prefix: "/", deny: 404 },
    ]);
    expect(leftOut.map(({ why }) => why)).toContain(
      "the folder depends on the request: what is below it is answered 404",
    );
  });

  test("what asks for a password is closed, what goes elsewhere is 502", () => {
    const { config } = server('location /admin/ { auth_basic "x"; } location /api/ { proxy_pass http://b; }');
    expect(config.locations).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ prefix: "/admin/", deny: true }),
        expect.objectContaining({ prefix: "/api/", return: { status: 502 } }),
      ]),
    );
  });

  test("nothing is kept when nobody can tell what must not be", () => {
    const { config, leftOut } = imported(`fastcgi_cache_path /c keys_zone=z:1m; geo $own { default 0; 10.0.0.0/8 1; }
      server { root /srv; location ~ \\.php$ { fastcgi_pass 127.0.0.1:9000; fastcgi_cache z; fastcgi_no_cache $own; } }`);
    expect(config.locations?.every(({ cache }) => cache === undefined)).toBe(true);
    expect(leftOut.map(({ why }) => why)).toContain("nothing is kept, as fastcgi_no_cache cannot be told");
  });
});

describe("whatever is written", () => {
  const word = fc.constantFrom(
    "on",
    "off",
    "1",
    "10m",
    "0",
    "any",
    "200",
    "404",
    "=404",
    "$uri",
    "$nothing",
    "/x",
    "/",
    "all",
    "php",
    "=",
    "~",
    "@a",
    "error",
    "10.1.2.3/8",
    "x y",
    "*.a.test",
    "~^(?<b>a)$",
    "unix:/s",
    "127.0.0.1:9",
    "max",
    "$1",
    "",
    "é",
    "\u2028",
  );
  const name = fc.constantFrom(
    ..."root index alias try_files return rewrite error_page internal deny allow add_header expires fastcgi_pass fastcgi_index fastcgi_split_path_info fastcgi_param fastcgi_cache fastcgi_cache_key fastcgi_cache_valid fastcgi_cache_bypass fastcgi_no_cache fastcgi_cache_methods fastcgi_cache_use_stale fastcgi_cache_lock fastcgi_cache_lock_age fastcgi_hide_header fastcgi_ignore_headers fastcgi_buffering fastcgi_limit_rate fastcgi_next_upstream fastcgi_next_upstream_tries fastcgi_connect_timeout fastcgi_read_timeout fastcgi_keep_conn client_max_body_size client_body_timeout gzip gzip_types gzip_min_length set_real_ip_from access_log auth_basic proxy_pass set server_name listen set_real_ip_from disable_symlinks what".split(
      " ",
    ),
  );
  const quote = (text: string) => `"${text}"`;
  const line = fc
    .tuple(name, fc.array(word, { maxLength: 4 }))
    .map(([one, words]) => `${one} ${words.map(quote).join(" ")};`);
  const block = (inner: fc.Arbitrary<string>) =>
    fc
      .tuple(
        fc.constantFrom(
          "location /",
          "location /a/",
          "location = /b",
          "location ~ \\.php$",
          "location ^~ /c",
          "location @a",
          "location ~ (a+)+",
          'if ($uri = "x")',
          "limit_except GET",
        ),
        fc.array(inner, { maxLength: 5 }),
      )
      .map(([head, lines]) => `${head} { ${lines.join(" ")} }`);
  const site = fc
    .array(fc.oneof(line, block(fc.oneof(line, block(line)))), { maxLength: 8 })
    .map((lines) => `server { ${lines.join("\n")} }`);
  const conf = fc
    .tuple(fc.array(line, { maxLength: 3 }), fc.array(site, { maxLength: 3 }))
    .map(
      ([lines, sites]) =>
        `http { upstream php { server 127.0.0.1:9; } fastcgi_cache_path /c keys_zone=on:1m;\n${[...lines, ...sites].join("\n")} }`,
    );

  test("what comes out passes the configuration's own check, and is TypeScript", () => {
    fc.assert(
      fc.property(conf, (text) => {
        const made = imported(text);
        expect(checkConfig(made.config)).toEqual([]);
        const written = writeConfig(made, "x", (file) => file);
        const body = written.slice(written.indexOf("defineConfig(", written.indexOf("export default")));
        const again = new Function("defineConfig", `return ${body}`)((config: unknown) => config);
        expect(again).toEqual(made.config);
      }),
      { numRuns: 400 },
    );
  });
});
