import { describe, expect, test } from "vitest";
import { ExchangeError } from "../../src/transport/exchange.ts";
import { encode, type Script } from "./application.ts";
import { configured, prints, TEXT } from "./configured.ts";

const TREE = { "www/404.html": "<p>ours", "www/fail.php": "", "www/page.php": "" };

/** `/page.php` is the page; anything else answers with the status of its query. */
const pages: Script = async (visit) => {
  const { SCRIPT_NAME, QUERY_STRING, REQUEST_METHOD, CONTENT_LENGTH, REQUEST_URI } = visit.params;
  if (SCRIPT_NAME === "/page.php") {
    await visit.out(`Status: 418\n${TEXT}page ${REQUEST_METHOD} [${CONTENT_LENGTH}] ${REQUEST_URI} ${QUERY_STRING}`);
  } else await visit.out(`Status: ${QUERY_STRING || 200}\nX-Own: 1\nWWW-Authenticate: Basic\n${TEXT}own`);
  return undefined;
};

describe("an error page", () => {
  test("is a file with the error's status, whatever ranges and conditions the visitor has", async () => {
    const { get, failures } = await configured({ errorPages: { "404 403": "/404.html" } }, { tree: TREE });
    const response = await get("/nothing", {
      headers: { range: "bytes=0-1", "if-none-match": "*", "if-match": '"x"' },
    });
    expect(response.status).toBe(404);
    expect(await response.text()).toBe("<p>ours");
    expect(response.headers.get("content-type")).toBe("text/html");
    expect((await get("/.git/config")).status).toBe(403);
    expect(failures.map(({ status }) => status)).toEqual([404, 403]);
  });

  test("may have a status of its own, or one that is written", async () => {
    const config = { errorPages: { "404": "=200 /404.html", "403": "= /page.php?x" } };
    const { get } = await configured(config, { tree: TREE, scripts: { default: pages } });
    const response = await get("/nothing");
    expect([response.status, await response.text()]).toEqual([200, "<p>ours"]);
    expect((await get("/.env")).status).toBe(418);
  });

  test("may be a script: GET, without the body, with the URI that failed", async () => {
    const { get } = await configured(
      { errorPages: { "404": "/page.php?from=$uri" } },
      { tree: TREE, scripts: { default: pages } },
    );
    const response = await get("/no/such?a", { method: "POST", body: "12345" });
    expect(response.status).toBe(404);
    expect(await response.text()).toBe("page GET [] /no/such?a from=/no/such");
  });

  test("to HEAD has no body", async () => {
    const { get } = await configured({ errorPages: { "404": "/404.html" } }, { tree: TREE });
    const response = await get("/nothing", { method: "HEAD" });
    expect(response.status).toBe(404);
    expect(response.body).toBeNull();
  });

  test.each([
    ["http://other.test/$status", 302, "http://other.test/404"],
    ["=301 http://other.test/", 301, "http://other.test/"],
    ["=200 http://other.test/", 302, "http://other.test/"],
  ])("may be elsewhere: %s", async (page, status, location) => {
    const { get } = await configured({ errorPages: { "404": page } });
    const response = await get("/nothing");
    expect(response.status).toBe(status);
    expect(response.headers.get("location")).toBe(location);
  });

  test("that is missing leaves the error as it was", async () => {
    const { get } = await configured({ errorPages: { "404": "/missing.html", "403": "/404.html" } }, { tree: TREE });
    const response = await get("/nothing");
    expect(response.status).toBe(404);
    expect(await response.text()).toContain("404 Not Found");
  });

  test.each(["/../secret.txt", "%2e%2e", "\\x", "/a\u0001"])("cannot be led astray by %j in a query", async (value) => {
    const { get } = await configured(
      { errorPages: { "404": "/pages/$arg_p" } },
      { tree: { ...TREE, "secret.txt": "secret", "www/pages/x": "" } },
    );
    const response = await get(`/nothing?p=${encodeURI(value)}`);
    expect(response.status).toBe(404);
    expect(await response.text()).not.toContain("secret");
  });

  test("that fails does not hide the error that it was for, and is not tried for ever", async () => {
    let ran = 0;
    const { get, failures } = await configured(
      { errorPages: { "404": "/fail.php", "502": "/fail.php" } },
      {
        tree: TREE,
        scripts: {
          default: async () => {
            ran++;
            throw new ExchangeError("EXCHANGE_BROKEN", "gone");
          },
        },
      },
    );
    expect((await get("/nothing")).status).toBe(404);
    expect(ran).toBe(1);
    expect(failures).toMatchObject([{ status: 404 }, { code: "EXCHANGE_BROKEN", status: 502 }]);
  });

  test("is shown for an application that is down; a named location takes the request as it is", async () => {
    const { get } = await configured(
      {
        fastcgi: { pass: "down" },
        errorPages: { "502": "=200 @spare" },
        locations: [{ name: "@spare", fastcgi: { pass: "spare" } }],
      },
      {
        scripts: {
          down: async () => {
            throw new ExchangeError("EXCHANGE_CONNECT", "connection refused at unix:/secret/path");
          },
          spare: prints(`Status: 404\n${TEXT}spare`),
        },
      },
    );
    const response = await get("/index.php");
    expect([response.status, await response.text()]).toEqual([200, "spare"]);
  });
});

describe("an application's own error", () => {
  test("goes to the visitor unless it is to be intercepted", async () => {
    const { get } = await configured(
      { errorPages: { "404": "/404.html" } },
      { tree: TREE, scripts: { default: pages } },
    );
    const response = await get("/index.php?404");
    expect([response.status, await response.text()]).toEqual([404, "own"]);
  });

  test("is replaced when it is, where there is a page for it", async () => {
    const { get } = await configured(
      {
        errorPages: { "404": "/404.html", "401": "/404.html", "200": "/404.html" },
        fastcgi: { interceptErrors: true },
      },
      { tree: TREE, scripts: { default: pages } },
    );
    const response = await get("/index.php?404");
    expect([response.status, await response.text()]).toEqual([404, "<p>ours"]);
    expect(response.headers.has("x-own")).toBe(false);
    expect((await get("/index.php?401")).headers.get("www-authenticate")).toBe("Basic");
    expect(await (await get("/index.php?500")).text()).toBe("own");
    expect(await (await get("/index.php?200")).text()).toBe("own");
  });
});

describe("what a visitor learns of a failure", () => {
  const down: Script = async () => {
    throw new ExchangeError("EXCHANGE_CONNECT", "connection refused at unix:/secret/path");
  };

  test("is the status, and the operator learns the cause", async () => {
    const { get, failures } = await configured({}, { scripts: { default: down } });
    const response = await get("/");
    expect(response.status).toBe(502);
    const all = `${JSON.stringify([...response.headers])}${await response.text()}`;
    expect(all).not.toMatch(/secret|refused|CONNECT/);
    expect(failures).toMatchObject([{ code: "EXCHANGE_CONNECT", message: "connection refused at unix:/secret/path" }]);
  });

  test("is the cause too where the operator wants it to be seen", async () => {
    const { get } = await configured({ debug: true }, { scripts: { default: down } });
    expect((await get("/")).headers.get("x-edge-fpm-cause")).toBe(
      "EXCHANGE_CONNECT: connection refused at unix:/secret/path",
    );
    expect((await get("/nothing")).headers.has("x-edge-fpm-cause")).toBe(false);
  });

  test("in the middle of an answer is a broken transfer, and the log says so", async () => {
    const { get, failures, entries } = await configured(
      {},
      {
        scripts: {
          default: async (visit) => {
            await visit.out(`Status: 203\n${TEXT}half`);
            await new Promise((resolve) => setTimeout(resolve, 20));
            throw new ExchangeError("EXCHANGE_BROKEN", "crashed");
          },
        },
      },
    );
    const response = await get("/");
    expect(response.status).toBe(203);
    await expect(response.text()).rejects.toMatchObject({ code: "EXCHANGE_BROKEN" });
    expect(failures).toMatchObject([{ code: "EXCHANGE_BROKEN", status: 203, broken: true }]);
    expect(entries).toMatchObject([{ status: 203, bodyBytesSent: 4, error: "EXCHANGE_BROKEN", aborted: true }]);
  });

  test("text on STDERR can make an answer a failure, as long as nothing of it was sent", async () => {
    const script: Script = async (visit) => {
      await visit.out(TEXT);
      await visit.err("PHP message: PHP Fatal error: no more\n");
      await visit.out(encode("half a page"));
      return undefined;
    };
    const { get, failures } = await configured(
      { fastcgi: { catchStderr: ["PHP Fatal error"] } },
      { scripts: { default: script } },
    );
    expect((await get("/")).status).toBe(502);
    expect(failures).toMatchObject([{ code: "GATEWAY_CAUGHT_STDERR" }]);
    const other = await configured({ fastcgi: { catchStderr: ["nothing"] } }, { scripts: { default: script } });
    expect((await other.get("/")).status).toBe(200);
  });
});
