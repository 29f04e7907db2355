// Several requests on one connection, answered by children in any order.

import { createHash } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type System, startSystem } from "./site.ts";
import { ask, openLink } from "./wire.ts";

let system: System;
beforeAll(async () => {
  system = await startSystem({ children: 2 });
});
afterAll(() => system?.stop());

test("of two requests on one connection, the second is answered first when the first sleeps", async () => {
  const link = await openLink(system.fpm.address);
  const order: string[] = [];
  const noted = async (name: string, answer: Promise<{ body: string }>) => {
    const { body } = await answer;
    order.push(name);
    return body;
  };
  const first = noted("first", ask(link, system.path("sleep"), "ms=1500"));
  const second = noted("second", ask(link, system.path("hello"), "who=second"));
  expect(await Promise.all([first, second])).toEqual(["slept 1500", "hello second"]);
  expect(order).toEqual(["second", "first"]);
  link.close();
});

test("100 requests on one connection each get the answer to their own body", async () => {
  const link = await openLink(system.fpm.address);
  const answers = await Promise.all(
    Array.from({ length: 100 }, async (_, id) => {
      // From nothing to more than one record, and bytes that name the request.
      const body = Buffer.alloc(1 + id * 977, `request ${id};`);
      const { body: answer, end } = await ask(link, system.path("digest"), `id=${id}`, body);
      expect(end).toEqual({ applicationStatus: 0, protocolStatus: "request-complete" });
      return answer === `${id} ${createHash("sha256").update(body).digest("hex")}`;
    }),
  );
  expect(answers).toEqual(Array.from({ length: 100 }, () => true));
  expect(link.active).toBe(0);
  link.close();
});

test("100 requests on 50 connections, two at a time on each, get their own answers", async () => {
  const links = await Promise.all(Array.from({ length: 50 }, () => openLink(system.fpm.address)));
  const bodies = await Promise.all(
    links.flatMap((link, index) =>
      [0, 1].map(async (turn) => (await ask(link, system.path("hello"), `who=${index}-${turn}`)).body),
    ),
  );
  expect(bodies).toEqual(links.flatMap((_, index) => [0, 1].map((turn) => `hello ${index}-${turn}`)));
  for (const link of links) link.close();
});
