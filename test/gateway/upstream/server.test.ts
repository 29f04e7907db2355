import { describe, expect, test } from "vitest";
import { Server } from "../../../src/gateway/upstream/server.ts";

const error = new Error("refused");
const server = (options: { maxFails?: number; failTimeout?: number; maxConnections?: number } = {}, alone = false) =>
  new Server({ name: "a", exchange: () => Promise.reject(error), failTimeout: 1000, ...options }, alone);

describe("failures", () => {
  test("leave a server out after maxFails, for failTimeout", () => {
    const one = server({ maxFails: 2 });
    one.begin(0);
    expect([one.failed(0, error), one.failing(0)]).toEqual([false, false]);
    expect([one.failed(10, error), one.failing(10)]).toEqual([true, true]);
    expect([one.failing(1010), one.failing(1011)]).toEqual([true, false]);
    expect(one.status(30)).toMatchObject({
      state: "failing",
      fails: 2,
      unavailable: 1,
      lastError: { message: "refused", ago: 20 },
    });
  });

  test("let one request through after failTimeout, and the others when that succeeded", () => {
    const one = server();
    one.begin(0);
    one.failed(0, error);
    expect(one.failing(1001)).toBe(false);
    one.begin(1001);
    expect(one.failing(1002)).toBe(true);
    expect([one.succeeded(), one.failing(1003)]).toEqual([true, false]);
    expect(one.succeeded()).toBe(false);
  });

  test("count no more after a success later than failTimeout, as in nginx", () => {
    const one = server({ maxFails: 2 });
    one.begin(0);
    one.failed(0, error);
    one.begin(500);
    one.succeeded();
    one.begin(2000);
    one.succeeded();
    one.failed(2001, error);
    expect(one.failing(2001)).toBe(false);
    one.failed(2002, error);
    expect(one.failing(2002)).toBe(true);
  });

  test("never leave out the only server, or one with maxFails 0", () => {
    for (const one of [server({}, true), server({ maxFails: 0 })]) {
      for (let n = 0; n < 5; n++) one.failed(n, error);
      expect(one.failing(5)).toBe(false);
    }
  });
});

describe("health checks", () => {
  test("take a server out after falls in a row, and back after rises in a row", () => {
    const one = server();
    expect([one.checkFailed(2, 0, error), one.checkPassed(2), one.checkFailed(2, 1, error)]).toEqual([
      false,
      false,
      false,
    ]);
    expect([one.checkFailed(2, 2, error), one.inService, one.state(2)]).toEqual([true, false, "unhealthy"]);
    expect([one.checkPassed(2), one.checkFailed(2, 3, error), one.checkPassed(2), one.inService]).toEqual([
      false,
      false,
      false,
      false,
    ]);
    expect([one.checkPassed(2), one.inService]).toEqual([true, true]);
    expect(one.status(4).checks).toEqual({ passed: 4, failed: 4 });
  });
});

test("a server has room below maxConnections", () => {
  const one = server({ maxConnections: 1 });
  one.begin(0);
  expect(one.hasRoom).toBe(false);
  one.end(12);
  expect([one.hasRoom, one.status(0).bytesReceived]).toEqual([true, 12]);
});
