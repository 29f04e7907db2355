// `edge-fpm purge`: what it sends, and what it makes of the answers.

import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { run } from "./run.ts";

describe("edge-fpm purge", () => {
  const seen: Pick<IncomingMessage, "method" | "url" | "headers">[] = [];
  const answer = { status: 200, text: '{"purged":3}' };
  const server = createServer((req, res) => {
    seen.push({ method: req.method, url: req.url, headers: req.headers });
    res.writeHead(answer.status).end(answer.text);
  });
  let url = "";
  beforeAll(async () => {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => server.close());
  beforeEach(() => {
    seen.length = 0;
    Object.assign(answer, { status: 200, text: '{"purged":3}' });
  });

  test("asks the server that is named for the address that visitors know", async () => {
    const page = "https://example.org/blog/*?x=1";
    const { status, stdout } = await run([
      "purge",
      page,
      "--server",
      url,
      "--token",
      "a-token",
      "-t",
      "one",
      "-t",
      "two",
    ]);
    expect({ status, stdout }).toEqual({ status: 0, stdout: `${page} purged: 3\n` });
    expect(seen).toMatchObject([
      {
        method: "PURGE",
        url: "/blog/*?x=1",
        headers: {
          host: "example.org",
          "x-forwarded-proto": "https",
          authorization: "Bearer a-token",
          "cache-tag": "one, two",
        },
      },
    ]);
  });

  test("purges several addresses, with nothing that was not asked for", async () => {
    answer.text = '{"purged":null}';
    const { status, stdout } = await run(["purge", `${url}/a`, `${url}/b`]);
    expect({ status, stdout }).toEqual({ status: 0, stdout: `${url}/a purged\n${url}/b purged\n` });
    for (const { headers } of seen) {
      for (const name of ["x-forwarded-proto", "authorization", "cache-tag"]) expect(headers).not.toHaveProperty(name);
    }
  });

  test.each([
    [403, "", /refused \(403\)/],
    [404, "", /no cache is for this address/],
    [405, "", /answered with 405/],
    [200, "<p>a page of the application", /none of this gateway's/],
  ])("an answer of %i %s is a failure, and says why", async (status, text, said) => {
    Object.assign(answer, { status, text });
    const ended = await run(["purge", `${url}/a`]);
    expect(ended.status).toBe(1);
    expect(ended.stderr).toMatch(said);
  });

  test.each([
    [[], 2, /Needs an address/],
    [["/about"], 2, /\/about is no http:\/\/ or https:\/\/ address/],
    [["http://127.0.0.1:1/"], 1, /http:\/\/127\.0\.0\.1:1 did not answer/],
  ])("%j fails with a reason", async (args, status, said) => {
    const ended = await run(["purge", ...args]);
    expect(ended.stderr).toMatch(said);
    expect(ended.status).toBe(status);
  });
});
