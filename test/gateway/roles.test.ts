import { describe, expect, test } from "vitest";
import { compileConfig } from "../../src/gateway/config/compile.ts";
import { createConfiguredGateway } from "../../src/gateway/index.ts";
import { nodeFiles } from "../../src/platform/node/files.ts";
import type { ExchangeRequest } from "../../src/transport/exchange.ts";
import { decode, documentRoot, encode, exchangeOf, type Script } from "./application.ts";
import { configured, prints, TEXT } from "./configured.ts";

/** Lets in whoever has the cookie. */
const guard: Script = async (visit) => {
  const { HTTP_COOKIE } = visit.params;
  await visit.out(
    HTTP_COOKIE === "let=me"
      ? "Status: 200\nVariable-REMOTE_USER: ann\nVariable-AUTH_TYPE: cookie\nX-Other: 1\n\nunused"
      : `Status: 401\nWWW-Authenticate: Basic\n${TEXT}who are you?`,
  );
  return undefined;
};

const LET = { headers: { cookie: "let=me" } };

describe("an authorizer", () => {
  test("answers in the place of what it does not let anybody see", async () => {
    const { get, failures } = await configured(
      { authorizer: "guard" },
      { scripts: { guard }, tree: { "www/a.txt": "secret" } },
    );
    const response = await get("/a.txt");
    expect([response.status, await response.text()]).toEqual([401, "who are you?"]);
    expect(response.headers.get("www-authenticate")).toBe("Basic");
    expect(await (await get("/a.txt", LET)).text()).toBe("secret");
    expect(failures).toEqual([]);
  });

  test("gives the next application its variables, without their prefix, and nothing else", async () => {
    const { get } = await configured(
      { authorizer: "guard" },
      {
        scripts: {
          guard,
          default: async (visit) => {
            const { REMOTE_USER, AUTH_TYPE, HTTP_X_OTHER } = visit.params;
            const body = decode(await visit.stdin());
            await visit.out(TEXT + JSON.stringify([REMOTE_USER, AUTH_TYPE, HTTP_X_OTHER, body]));
            return undefined;
          },
        },
      },
    );
    const response = await get("/index.php", { method: "POST", body: "12345", ...LET });
    expect(await response.json()).toEqual(["ann", "cookie", null, "12345"]);
    expect(response.headers.has("variable-remote_user")).toBe(false);
    expect(response.headers.has("x-other")).toBe(false);
  });

  test("is asked in its role, without a body and without what is about the script", async () => {
    const folder = await documentRoot({ "index.php": "" });
    const asked: ExchangeRequest[] = [];
    const { handle } = createConfiguredGateway(compileConfig({ authorizer: "guard" }, { root: folder }), {
      files: (root) => nodeFiles(root),
      application: (name) => (request, sink, signal) => {
        asked.push(request);
        return exchangeOf(name === "guard" ? guard : prints(`${TEXT}x`))(request, sink, signal);
      },
    });
    const init = { method: "POST", body: "12345", ...LET };
    await handle(new Request("http://example.test/index.php/info", init));
    expect(asked.map(({ role }) => role)).toEqual(["authorizer", "responder"]);
    const names = asked[0]?.params.map(([name]) => name);
    for (const name of ["CONTENT_LENGTH", "PATH_INFO", "PATH_TRANSLATED", "SCRIPT_NAME"]) {
      expect(names).not.toContain(name);
      if (name !== "CONTENT_LENGTH") expect(asked[1]?.params.map(([name]) => name)).toContain(name);
    }
    expect(names).toContain("REQUEST_URI");
    expect(asked[0]?.stdin).toBeUndefined();
  });

  test.each([
    ["that is down", async () => Promise.reject(new Error("down")), 500],
    ["that says nothing", prints(""), 502],
    ["that says 204", prints("Status: 204\n\n"), 204],
    ["that says 302", prints("Location: http://login.test/\n\n"), 302],
  ] as const)("%s lets nobody in", async (_what, script, status) => {
    const { get } = await configured(
      { authorizer: "guard" },
      { scripts: { guard: script as Script }, tree: { "www/a.txt": "secret" } },
    );
    const response = await get("/a.txt", LET);
    expect(response.status).toBe(status);
    expect(await response.text()).not.toContain("secret");
  });

  test("is asked once a request, and again for a location with another one", async () => {
    const asked: string[] = [];
    const named =
      (name: string): Script =>
      async (visit) => {
        asked.push(name);
        await visit.out("Status: 200\n\n");
        return undefined;
      };
    const { get } = await configured(
      {
        authorizer: "first",
        locations: [{ prefix: "/b/", authorizer: "second", return: { status: 200, body: "b" } }],
      },
      { scripts: { first: named("first"), second: named("second"), default: prints("X-Accel-Redirect: /b/\n\n") } },
    );
    expect(await (await get("/index.php")).text()).toBe("b");
    expect(asked).toEqual(["first", "second"]);
  });
});

describe("an authorizer with a script of its own", () => {
  const site = {
    authorizer: {
      pass: "guard",
      script: "$document_root/guard.php",
      params: { AREA: "area $uri", SERVER_NAME: "own" },
    },
  };
  const asked: Record<string, string>[] = [];
  const noting: Script = async (visit) => {
    asked.push(visit.params);
    return guard(visit);
  };

  test("runs it in front of files and scripts, with its own params", async () => {
    const { get, root } = await configured(site, { scripts: { guard: noting }, tree: { "www/a.txt": "secret" } });
    expect((await get("/a.txt")).status).toBe(401);
    expect(await (await get("/a.txt", LET)).text()).toBe("secret");
    expect(await (await get("/index.php", LET)).text()).toBe("hello");
    for (const params of asked) {
      expect(params).toMatchObject({ SCRIPT_FILENAME: `${root}/guard.php`, SERVER_NAME: "own" });
    }
    expect(asked.map(({ AREA }) => AREA)).toEqual(["area /a.txt", "area /a.txt", "area /index.php"]);
  });

  test("is another one than the same application with another script", async () => {
    asked.length = 0;
    const { get } = await configured(
      {
        authorizer: { pass: "guard", script: "/one.php" },
        locations: [
          { prefix: "/b/", authorizer: { pass: "guard", script: "/two.php" }, return: { status: 200, body: "b" } },
        ],
      },
      { scripts: { guard: noting, default: prints("X-Accel-Redirect: /b/\n\n") } },
    );
    expect(await (await get("/index.php", LET)).text()).toBe("b");
    expect(asked.map(({ SCRIPT_FILENAME }) => SCRIPT_FILENAME)).toEqual(["/one.php", "/two.php"]);
  });
});

test("a filter with a script of its own gets the file all the same", async () => {
  const show: Script = async (visit) => {
    const { SCRIPT_FILENAME, SCRIPT_NAME, FCGI_DATA_LENGTH, MODE } = visit.params;
    await visit.out(TEXT + [SCRIPT_FILENAME, SCRIPT_NAME, FCGI_DATA_LENGTH, MODE].join(" "));
    return undefined;
  };
  const { get } = await configured(
    { filter: { pass: "show", script: "/filters/upper.php", params: { MODE: "$arg_mode" } } },
    { scripts: { show }, tree: { "www/a.txt": "12345" } },
  );
  expect(await (await get("/a.txt?mode=loud")).text()).toBe("/filters/upper.php /a.txt 5 loud");
});

describe("a filter", () => {
  test("gets the file as DATA, the body as STDIN, and answers in the file's place", async () => {
    const folder = await documentRoot({ "page.txt": "what is in the file" });
    const { handle } = createConfiguredGateway(
      compileConfig({ locations: [{ regex: "\\.txt$", filter: "upper" }] }, { root: folder }),
      {
        files: (root) => nodeFiles(root),
        application: () => async (request, sink) => {
          const params = Object.fromEntries(request.params);
          const data = request.data as Uint8Array;
          const text = `${request.role} ${params.FCGI_DATA_LENGTH} ${decode(request.stdin as Uint8Array)} ${decode(data).toUpperCase()}`;
          expect(Number(params.FCGI_DATA_LAST_MOD)).toBeGreaterThan(1_600_000_000);
          expect(params.SCRIPT_FILENAME).toBe(`${folder}/page.txt`);
          await sink.stdout(encode(TEXT + text));
          return { applicationStatus: 0, protocolStatus: "request-complete" };
        },
      },
    );
    const response = await handle(new Request("http://example.test/page.txt", { method: "POST", body: "12345" }));
    expect(await response.text()).toBe("filter 19 12345 WHAT IS IN THE FILE");
  });
});
