// One child over a long time: nothing may pile up.

import { readdirSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type System, startSystem } from "./site.ts";
import { ask, openLink } from "./wire.ts";

const REQUESTS = 10_000;
/** Requests on the way at a time: enough that the child never waits for us. */
const AT_A_TIME = 8;

let system: System;
beforeAll(async () => {
  system = await startSystem({ children: 1 });
});
afterAll(() => system?.stop());

/** What the system says of the process. */
function resources(pid: number): { readonly descriptors: number; readonly threads: number; readonly rss: number } {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const field = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1]);
  return { descriptors: readdirSync(`/proc/${pid}/fd`).length, threads: field("Threads"), rss: field("VmRSS") };
}

test.skipIf(process.platform !== "linux")(
  "10,000 requests to one child: the same answers, flat memory and descriptors [needs: Linux's /proc]",
  async () => {
    const link = await openLink(system.fpm.address);
    const { pid } = system.fpm.program;
    const wrong: string[] = [];
    const serve = async (from: number, to: number) => {
      let next = from;
      const worker = async () => {
        for (let n = next++; n < to; n = next++) {
          const { body, end } = await ask(link, system.path("litter"), `n=${n}`);
          if (body !== `n=${n} count=1 end` || end.applicationStatus !== 0) wrong.push(`${n}: ${body}`);
        }
      };
      await Promise.all(Array.from({ length: AT_A_TIME }, worker));
    };
    const linearMemory = async () => {
      const status = JSON.parse((await ask(link, system.path("status"))).body);
      expect(Object.values(status)).toContain("www");
      return { peak: status["memory-peak"], child: (await ask(link, system.path("pid"))).body };
    };

    // Caches fill and the memory of WebAssembly, which never shrinks, finds its size.
    await serve(0, 1_000);
    const before = { ...(await linearMemory()), ...resources(pid) };
    await serve(1_000, REQUESTS);
    const after = { ...(await linearMemory()), ...resources(pid) };

    expect(wrong).toEqual([]);
    expect(after.child).toBe(before.child);
    expect(before.peak).toBeGreaterThan(0);
    expect(after.peak).toBe(before.peak);
    expect(after.descriptors).toBe(before.descriptors);
    expect(after.threads).toBe(before.threads);
    // Kilobytes of the whole process, garbage of JavaScript included.
    expect(after.rss - before.rss).toBeLessThan(100_000);
    link.close();
  },
  60_000,
);
