// Children that break, hang or are too few.

import { afterEach, describe, expect, test } from "vitest";
import type { EdgeFpmOptions } from "../peers/edge-fpm.ts";
import { type System, startSystem } from "./site.ts";
import { ask, openLink } from "./wire.ts";

let system: System | undefined;
afterEach(async () => {
  await system?.stop();
  system = undefined;
});

async function start(options: EdgeFpmOptions) {
  system = await startSystem(options);
  return { system, link: await openLink(system.fpm.address) };
}

describe("a child that breaks", () => {
  test("its request is answered 502, others are unharmed, and another child takes its place", async () => {
    const { system, link } = await start({ children: 2 });
    const [broken, slow, quick] = await Promise.all([
      ask(link, system.path("deep")),
      ask(link, system.path("sleep"), "ms=800"),
      ask(link, system.path("hello"), "who=waiting"),
    ]);
    expect(broken.head).toMatch(/^Status: 502 /);
    expect(broken.stderr).toContain("EXCHANGE_BROKEN");
    expect(broken.end.applicationStatus).toBe(1);
    expect([slow.body, quick.body]).toEqual(["slept 800", "hello waiting"]);
    const pids = await Promise.all([0, 1].map(async () => (await ask(link, system.path("pid"))).body));
    for (const pid of pids) expect(["2", "3", "1"]).toContain(pid);
    expect(system.fpm.log()).toMatch(/WARNING: .*child \d exited \(crashed/);
    link.close();
  });

  test("even when it is the only one, time after time", async () => {
    const { system, link } = await start({ children: 1 });
    for (let round = 0; round < 3; round++) {
      expect((await ask(link, system.path("deep"))).head).toMatch(/^Status: 502 /);
      expect((await ask(link, system.path("hello"))).body).toBe("hello nobody");
    }
    link.close();
  });
});

describe("a script that does not end", () => {
  test("is answered 504 at request_terminate_timeout, and its child replaced", async () => {
    const { system, link } = await start({ children: 1, args: ["--terminate-timeout", "1"] });
    const answer = await ask(link, system.path("silent"));
    expect(answer.head).toMatch(/^Status: 504 /);
    expect(answer.stderr).toContain("request_terminate_timeout is 1");
    expect((await ask(link, system.path("hello"))).body).toBe("hello nobody");
    link.close();
  });

  test("whose answer has begun ends its connection, so that nobody takes it for complete", async () => {
    const { system, link } = await start({ children: 1, args: ["--terminate-timeout", "1"] });
    await expect(ask(link, system.path("forever"))).rejects.toMatchObject({
      code: expect.stringMatching(/^EXCHANGE_(BROKEN|PROTOCOL)$/),
    });
    const next = await openLink(system.fpm.address);
    expect((await ask(next, system.path("hello"))).body).toBe("hello nobody");
    next.close();
  });
});

test("what the queue has no room for is answered 503 at once, the rest in turn", async () => {
  const { system, link } = await start({ children: 1, args: ["--backlog", "2"] });
  const started = performance.now();
  const answers = await Promise.all(
    Array.from({ length: 6 }, async () => {
      const answer = await ask(link, system.path("sleep"), "ms=700");
      return { ...answer, after: performance.now() - started };
    }),
  );
  const refused = answers.filter(({ head }) => /^Status: 503 /.test(head));
  expect(refused).toHaveLength(3);
  expect(answers.filter(({ body }) => body === "slept 700")).toHaveLength(3);
  for (const { end } of refused) expect(end.protocolStatus).toBe("overloaded");
  const slowest = Math.max(...refused.map(({ after }) => after));
  expect(slowest).toBeLessThan(Math.max(...answers.map(({ after }) => after)));
  link.close();
});

test("recycling after every few requests under load loses none", async () => {
  const { system, link } = await start({ children: 2, args: ["--max-requests", "7"] });
  const bodies = await Promise.all(
    Array.from({ length: 150 }, async (_, n) => (await ask(link, system.path("hello"), `who=${n}`)).body),
  );
  expect(bodies).toEqual(Array.from({ length: 150 }, (_, n) => `hello ${n}`));
  expect(Number((await ask(link, system.path("pid"))).body)).toBeGreaterThan(20);
  link.close();
}, 60_000);
