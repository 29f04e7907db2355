// A pool that the command line describes: SIGUSR2 replaces its children too.

import { afterAll, beforeAll, expect, test } from "vitest";
import { type System, startSystem } from "./site.ts";
import { ask, openLink } from "./wire.ts";

let system: System;
beforeAll(async () => {
  system = await startSystem({ children: 1 });
});
afterAll(() => system?.stop());

test("SIGUSR2 and SIGHUP bring new children", async () => {
  const link = await openLink(system.fpm.address);
  const pid = async () => JSON.parse((await ask(link, system.path("status"))).body).procs[0].pid;
  const before = await pid();
  system.fpm.program.signal("SIGUSR2");
  await system.fpm.program.waitFor(/Reloaded\.\n/);
  expect(await pid()).toBeGreaterThan(before);
  system.fpm.program.signal("SIGHUP");
  await system.fpm.program.waitFor(/Reloaded\.\n[\s\S]*Reloaded\.\n/);
  expect(await pid()).toBeGreaterThan(before + 1);
  link.close();
});
