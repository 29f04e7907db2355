import { readdirSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { Allowance } from "../../src/gateway/answer/limit-rate.ts";
import { nodeSpool } from "../../src/platform/node/spool.ts";
import { documentRoot, gatewayOf, type Script } from "./application.ts";
import { configured, prints, TEXT } from "./configured.ts";

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** 1,000 blocks of 1,000 bytes, each with its number. */
const WHOLE = Array.from({ length: 1000 }, (_, i) => String(i).padStart(1000, "-")).join("");

function long(done: () => void): Script {
  return async (visit) => {
    await visit.out(TEXT);
    for (let i = 0; i < 1000; i++) await visit.out(String(i).padStart(1000, "-"));
    done();
    return undefined;
  };
}

const LIMITS = { responseBuffer: 10_000 };

describe("an answer to a slow visitor", () => {
  test("is spooled, so that the script can end; it arrives whole and in order", async () => {
    let ended = false;
    const folder = await documentRoot({});
    const { get } = await gatewayOf(
      long(() => {
        ended = true;
      }),
      { limits: LIMITS, timeouts: { spoolAfter: 20 }, spool: nodeSpool(folder) },
    );
    const response = await get("/");
    // Nothing is read so far.
    await expect.poll(() => ended, { timeout: 5_000 }).toBe(true);
    expect(await response.text()).toBe(WHOLE);
    expect(readdirSync(folder)).toEqual([]);
  });

  test("who reads in fits and starts gets all of it too, spooled or not", async () => {
    const { get } = await gatewayOf(
      long(() => {}),
      { limits: LIMITS, timeouts: { spoolAfter: 5 }, spool: nodeSpool() },
    );
    const reader = ((await get("/")).body as ReadableStream<Uint8Array>).getReader();
    let text = "";
    for (let reads = 0; ; reads++) {
      if (reads % 7 === 0) await pause(7);
      const { done, value } = await reader.read();
      if (done) break;
      text += Buffer.from(value).toString();
    }
    expect(text).toBe(WHOLE);
  });

  test("is spooled up to the bound and no further: then the script waits", async () => {
    let sent = 0;
    const { get } = await gatewayOf(
      async (visit) => {
        await visit.out(TEXT);
        for (; sent < 1000; sent++) await visit.out("x".repeat(1000));
        return undefined;
      },
      { limits: { ...LIMITS, responseSpool: 100_000 }, timeouts: { spoolAfter: 10 }, spool: nodeSpool() },
    );
    const response = await get("/");
    await pause(150);
    expect(sent).toBeGreaterThan(90);
    expect(sent).toBeLessThan(130);
    expect((await response.text()).length).toBe(1_000_000);
  });

  test("is not spooled when the script, or the configuration, wants no buffering", async () => {
    for (const [head, options] of [
      [`X-Accel-Buffering: no\n${TEXT}`, {}],
      [TEXT, { buffering: false }],
    ] as const) {
      let sent = 0;
      const { get } = await gatewayOf(
        async (visit) => {
          await visit.out(head);
          for (; sent < 1000; sent++) await visit.out("x".repeat(1000));
          return undefined;
        },
        { limits: LIMITS, timeouts: { spoolAfter: 1 }, spool: nodeSpool(), ...options },
      );
      const response = await get("/");
      await pause(50);
      expect(sent).toBeLessThan(15);
      await response.body?.cancel();
    }
  });

  test("who leaves lets go of the spool, and of a script that still runs", async () => {
    let discarded = 0;
    let aborted = false;
    const real = nodeSpool();
    const { get } = await gatewayOf(
      async (visit) => {
        visit.signal.addEventListener("abort", () => {
          aborted = true;
        });
        await visit.out(TEXT);
        for (;;) {
          await visit.out("x".repeat(1000));
          await pause(0);
        }
      },
      {
        limits: LIMITS,
        timeouts: { spoolAfter: 10 },
        spool: async () => {
          const place = await real();
          return {
            ...place,
            discard() {
              discarded++;
              return place.discard();
            },
          };
        },
      },
    );
    const response = await get("/");
    await pause(60);
    await response.body?.cancel();
    await expect.poll(() => aborted && discarded > 0).toBe(true);
  });

  test("whose spool fails gets a broken transfer, and the log the cause", async () => {
    const { get, failures } = await gatewayOf(
      long(() => {}),
      {
        limits: LIMITS,
        timeouts: { spoolAfter: 10 },
        spool: async () => {
          throw new Error("no space left on device");
        },
      },
    );
    const response = await get("/");
    await pause(60);
    await expect(response.text()).rejects.toThrow("no space left");
    expect(failures).toMatchObject([{ message: "no space left on device" }]);
  });
});

describe("an allowance", () => {
  test("is a second's worth at once, then as much as time brings", () => {
    const allowance = new Allowance(1000, 5_000);
    expect(allowance.available(5_000)).toBe(1000);
    allowance.take(1000);
    expect(allowance.available(5_000)).toBe(0);
    expect(allowance.wait(5_000, 500)).toBe(500);
    expect(allowance.available(5_250)).toBe(250);
    expect(allowance.wait(5_250, 500)).toBe(250);
    expect(allowance.wait(5_500, 500)).toBe(0);
  });

  test("that was not used for long is not saved up", () => {
    const allowance = new Allowance(1000, 0);
    expect(allowance.available(60_000)).toBe(1000);
    allowance.take(1000);
    expect(allowance.available(60_000)).toBe(0);
  });

  test("for more than a second's worth waits for a second's worth", () => {
    const allowance = new Allowance(10, 0);
    allowance.take(10);
    expect(allowance.wait(0, 16_384)).toBe(1000);
  });
});

describe("limitRate", () => {
  test("of a location holds for its scripts; a script may lift it", async () => {
    const fastcgi = { limitRate: 40_000 };
    const slow = await configured({ fastcgi }, { scripts: { default: prints(TEXT, "x".repeat(60_000)) } });
    const began = performance.now();
    expect((await (await slow.get("/")).text()).length).toBe(60_000);
    expect(performance.now() - began).toBeGreaterThan(400);
    const lifted = prints(`X-Accel-Limit-Rate: 0\n${TEXT}`, "x".repeat(1_000_000));
    const fast = await configured({ fastcgi }, { scripts: { default: lifted } });
    expect((await (await fast.get("/")).text()).length).toBe(1_000_000);
  });
});
