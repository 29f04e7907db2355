// Many visitors at once, each of whom must get their own answer.

import { expect, test } from "vitest";
import { http, keepAlive } from "./client.ts";
import type { Context } from "./suite.ts";

/** Requests in flight at once; with two children nearly all of them wait. */
const VISITORS = 200;

export function concurrencyTests(context: Context): void {
  const askWithToken = async (agent?: ReturnType<typeof keepAlive>): Promise<void> => {
    const token = context.site.token();
    const answer = await http(context.baseUrl, {
      path: `/token.php?token=${token}`,
      body: `token=${token}`,
      headers: { "content-type": "application/x-www-form-urlencoded", cookie: `token=${token}`, "x-token": token },
      ...(agent === undefined ? {} : { agent }),
    });
    expect(answer.status).toBe(200);
    expect(answer.header("x-token")).toBe(token);
    expect(answer.json()).toEqual({ get: token, post: token, cookie: token, header: token });
  };

  test(`${VISITORS} requests at once each get their own answer`, async () => {
    await Promise.all(Array.from({ length: VISITORS }, () => askWithToken()));
  });

  test("requests one after another on kept connections each get their own answer", async () => {
    const agent = keepAlive(4);
    await Promise.all(Array.from({ length: VISITORS }, () => askWithToken(agent)));
    const sockets = Object.values(agent.freeSockets).flat().length;
    agent.destroy();
    expect(sockets).toBeGreaterThan(0);
  });

  test("static files, scripts and errors at once do not disturb each other", async () => {
    const kinds = [
      ["/hello.php?who=a", 200],
      ["/static/plain.txt", 200],
      ["/missing.txt", 404],
      ["/fatal.php", 500],
      ["/large.php?bytes=300000", 200],
    ] as const;
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => kinds)
        .flat()
        .map(async ([path, status]) => ({ path, status, answer: await http(context.baseUrl, path) })),
    );
    for (const { path, status, answer } of answers) {
      expect(answer.status, path).toBe(status);
      if (path.startsWith("/large")) expect(answer.body).toHaveLength(300_000);
    }
  });
}
