// Answers that come while their script still runs, and visitors who leave. Scripts and tests wait for each other through
// files, so nothing here depends on how fast anything is.

import { expect, test } from "vitest";
import { http, open } from "./client.ts";
import type { Context } from "./suite.ts";

export function streamingTests(context: Context): void {
  test("the first bytes arrive before the script ends", async () => {
    const token = context.site.token();
    const opened = await open(context.baseUrl, { path: `/stream.php?token=${token}` });
    expect(await opened.next()).toBe("first\n");
    context.site.mark(`${token}.go`);
    expect(await opened.rest()).toBe("told to go on\n");
  });

  test("flushed output stays in its order", async () => {
    const answer = await http(context.baseUrl, "/order.php");
    expect(answer.text()).toBe(Array.from({ length: 200 }, (_, index) => `line ${index}\n`).join(""));
  });

  const finish = context.lacks("finish-request");
  test.skipIf(finish.skip)(
    `fastcgi_finish_request() answers at once and the script goes on${finish.note}`,
    async () => {
      const token = context.site.token();
      const answer = await http(context.baseUrl, `/finish.php?token=${token}`);
      expect(answer.status).toBe(200);
      expect(answer.text()).toBe("answered");
      context.site.mark(`${token}.go`);
      expect(await context.site.waitForMark(`${token}.end`)).toBe("finished, told");
    },
  );

  const abort = context.lacks("client-abort");
  test.skipIf(abort.skip)(`a script ends when its visitor leaves${abort.note}`, async () => {
    const token = context.site.token();
    const opened = await open(context.baseUrl, { path: `/abort.php?token=${token}` });
    await context.site.waitForMark(`${token}.begin`);
    await opened.next();
    opened.abandon();
    expect(await context.site.waitForMark(`${token}.end`)).toBe("aborted");
    expect((await http(context.baseUrl, "/hello.php?who=next")).text()).toBe("hello next");
  });

  test.skipIf(abort.skip)(`ignore_user_abort() lets a script finish its work${abort.note}`, async () => {
    const token = context.site.token();
    const opened = await open(context.baseUrl, { path: `/ignore-abort.php?token=${token}` });
    await context.site.waitForMark(`${token}.begin`);
    await opened.next();
    opened.abandon();
    expect(await context.site.waitForMark(`${token}.end`)).toBe("went on");
  });
}
