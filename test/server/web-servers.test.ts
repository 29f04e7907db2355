// A fetch handler behind every real web server there is for FastCGI.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type Server, serve } from "../../src/server/index.ts";
import { http } from "../http-suite/client.ts";
import type { FastCgiAddress } from "../peers/address.ts";
import { startApache } from "../peers/apache.ts";
import { startCaddy } from "../peers/caddy.ts";
import { startHaproxy } from "../peers/haproxy.ts";
import { startLighttpd } from "../peers/lighttpd.ts";
import { startNginx } from "../peers/nginx.ts";
import { describePeers, type PeerName } from "../peers/peer.ts";
import { makeScratch, type Scratch } from "../peers/scratch.ts";
import { Handler } from "./handler.ts";

interface WebServer {
  readonly baseUrl: string;
  log(): string;
  stop(): Promise<void>;
}

const WEB_SERVERS: readonly [name: string, peer: PeerName, (root: string, to: FastCgiAddress) => Promise<WebServer>][] =
  [
    ["nginx", "nginx", (root, fastcgi) => startNginx({ root, fastcgi })],
    ["nginx with kept connections", "nginx", (root, fastcgi) => startNginx({ root, fastcgi, keepConnection: true })],
    ["Apache", "apache2", startApache],
    ["Caddy", "caddy", startCaddy],
    ["lighttpd", "lighttpd", (root, fastcgi) => startLighttpd(root, fastcgi)],
    ["HAProxy", "haproxy", (root, fastcgi) => startHaproxy(root, fastcgi)],
    ["HAProxy, several requests a connection", "haproxy", (root, to) => startHaproxy(root, to, { multiplex: true })],
  ];

for (const [name, peer, start] of WEB_SERVERS) {
  for (const kind of ["tcp", "unix"] as const) {
    describePeers([peer], `a fetch handler behind ${name} over ${kind}`, () => {
      let scratch: Scratch;
      let handler: Handler;
      let server: Server;
      let front: WebServer;

      beforeAll(async () => {
        scratch = makeScratch("server");
        handler = new Handler();
        const path = join(scratch.path, "app.sock");
        server = await serve({
          listen: kind === "unix" ? `unix:${path}` : "tcp://127.0.0.1:0",
          mode: 0o666,
          fetch: handler.fetch,
        });
        const { address } = server;
        front = await start(
          scratch.path,
          address.type === "unix" ? { kind: "unix", path } : { kind: "tcp", port: address.port },
        );
      });
      afterAll(async () => {
        await front?.stop();
        await server?.close({ grace: 1000 });
        scratch?.remove();
      });
      afterEach(() => expect(handler.problems).toEqual([]));

      const url = (path: string) => `${front.baseUrl}/app.php${path}`;

      test("answers a GET with its status, headers and both cookies", async () => {
        const response = await fetch(url("/hello?a=1&b=%C3%A9"), {
          headers: { "x-asked": "yes", proxy: "http://evil" },
        });
        expect(response.status).toBe(201);
        expect(response.headers.getSetCookie()).toEqual(["a=1; Path=/", "b=2"]);
        expect(await response.json()).toEqual({
          method: "GET",
          url: url("/hello?a=1&b=%C3%A9"),
          asked: "yes",
          proxy: null,
          role: "responder",
        });
      });

      test("a HEAD has the headers and no body", async () => {
        const response = await fetch(url("/hello"), { method: "HEAD" });
        expect(response.status).toBe(201);
        expect(await response.text()).toBe("");
      });

      test.each([204, 304])("%i has no body", async (status) => {
        const response = await fetch(url(`/status?${status}`));
        expect(response.status).toBe(status);
        expect(await response.text()).toBe("");
      });

      test("takes a POST of 10 MB and sends it back", async () => {
        const body = new Uint8Array(10_000_000).map((_, index) => (index * 31) >> 3);
        const response = await fetch(url("/echo"), { method: "POST", body });
        const echoed = Buffer.from(await response.arrayBuffer());
        expect(echoed.length).toBe(body.length);
        expect(echoed.equals(body)).toBe(true);
      });

      test("an answer that leaves a POST of 10 MB unread arrives", async () => {
        const body = new Uint8Array(10_000_000);
        const response = await fetch(url("/refuse"), { method: "POST", body });
        expect([response.status, await response.text()]).toEqual([413, "too large"]);
      });

      test("streams: the first piece comes before the last is made", async () => {
        const response = await fetch(url("/stream"));
        const reader = (response.body as ReadableStream<Uint8Array>).getReader();
        const first = await reader.read();
        expect(new TextDecoder().decode(first.value)).toBe("first\n");
        handler.goOn();
        let rest = "";
        for (let next = await reader.read(); !next.done; next = await reader.read()) {
          rest += new TextDecoder().decode(next.value);
        }
        expect(rest).toBe("last\n");
      });

      test("aborts the handler's signal when the visitor leaves", async () => {
        const controller = new AbortController();
        const response = await fetch(url("/forever"), { signal: controller.signal });
        await (response.body as ReadableStream<Uint8Array>).getReader().read();
        expect(handler.aborted).toBe(false);
        controller.abort();
        await expect.poll(() => handler.aborted, { timeout: 10_000 }).toBe(true);
        await expect.poll(() => server.counts().requests, { timeout: 10_000 }).toBe(0);
      });

      test("answers 500 requests at the same time", async () => {
        const answers = await Promise.all(
          Array.from({ length: 500 }, async (_, index) => {
            // Each on a connection of its own.
            const answer = await http(front.baseUrl, `/app.php/number?${index}`);
            return `${answer.status} ${answer.body}`;
          }),
        );
        expect(answers).toEqual(Array.from({ length: 500 }, (_, index) => `200 ${index}`));
      });

      test("a handler that throws is a 500", async () => {
        const response = await fetch(url("/throw"));
        expect(response.status).toBe(500);
        expect(await response.text()).toContain("Internal Server Error");
      });
    });
  }
}

describePeers(["lighttpd"], "an authorizer behind lighttpd", () => {
  test("lets some visitors to the files and refuses others", async () => {
    const scratch = makeScratch("authorizer");
    writeFileSync(join(scratch.path, "secret.txt"), "the secret");
    const roles: string[] = [];
    const server = await serve({
      listen: { port: 0 },
      roles: ["authorizer"],
      fetch(request, { role }) {
        roles.push(role);
        if (request.headers.get("authorization") !== "Bearer right") return new Response("no", { status: 403 });
        return new Response(null, { headers: { "variable-auth-user": "ada" } });
      },
    });
    const port = server.address.type === "tcp" ? server.address.port : 0;
    const front = await startLighttpd(scratch.path, { kind: "tcp", port }, { role: "authorizer" });
    try {
      const ask = async (token: string) => {
        const response = await fetch(`${front.baseUrl}/secret.txt`, { headers: { authorization: `Bearer ${token}` } });
        return [response.status, await response.text()];
      };
      expect(await ask("right")).toEqual([200, "the secret"]);
      expect(await ask("wrong")).toEqual([403, "no"]);
      expect(roles).toEqual(["authorizer", "authorizer"]);
    } finally {
      await front.stop();
      await server.close({ grace: 0 });
      scratch.remove();
    }
  });
});

describe("the list of web servers", () => {
  test("has all that the documentation names", () => {
    expect(new Set(WEB_SERVERS.map(([, peer]) => peer))).toEqual(
      new Set(["nginx", "apache2", "caddy", "lighttpd", "haproxy"]),
    );
  });
});
