// Backtraces of scripts that run in real threads, which go on as if nobody had looked.

import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Backtrace } from "../../src/fpm/index.ts";
import type { Child } from "../../src/fpm/spawn.ts";
import { createThreadSpawn } from "../../src/platform/node/spawn-thread.ts";
import { WebServerLink } from "../../src/transport/web-server-link.ts";
import { Scratch } from "../php/fixture.ts";

const scratch = new Scratch();
const children: Child<WebServerLink>[] = [];

afterAll(async () => {
  for (const child of children) child.kill();
  await Promise.all(children.map((child) => child.exited));
  scratch[Symbol.dispose]();
});

const SCRIPT = `<?php
function work($how) {
    $end = hrtime(true) + 1500000000;
    if ($how === 'sleep') usleep(1500000);
    if ($how === 'busy') while (hrtime(true) < $end) { $x = str_repeat('x', 1000); }
    if ($how === 'print') while (hrtime(true) < $end) { echo str_repeat(' ', 100); }
}
class Shop {
    function open($how) {
        work($how);
    }
}
include __DIR__ . '/part.php';
echo 'done';
`;

const PART = `<?php
array_map(
    fn ($how) => (new Shop)->open($how),
    [$_GET['how']],
);
`;

describe.each(["8.2", "8.4"])("a backtrace of PHP %s", (php) => {
  let child: Child<WebServerLink>;
  beforeAll(async () => {
    const spawn = await createThreadSpawn({
      php,
      wrap: (transport) => new WebServerLink(transport),
      mounts: [scratch.root],
      sharedDirectory: join(scratch.root, "shared"),
    });
    child = spawn.spawn({ pool: "www", slot: 0 });
    children.push(child);
    await child.ready;
  });

  async function traced(how: string): Promise<{ backtrace: Backtrace | undefined; body: string }> {
    scratch.write("part.php", PART);
    const script = scratch.write("main.php", SCRIPT);
    let body = "";
    const answer = child.wire.exchange(
      {
        role: "responder",
        params: Object.entries({ SCRIPT_FILENAME: script, REQUEST_METHOD: "GET", QUERY_STRING: `how=${how}` }),
      },
      {
        stdout(chunk) {
          body = (body + Buffer.from(chunk).toString()).slice(-100);
        },
        stderr() {},
      },
      AbortSignal.timeout(20_000),
    );
    await new Promise((resolve) => setTimeout(resolve, 500));
    const backtrace = await child.trace?.(AbortSignal.timeout(5_000));
    await answer;
    return { backtrace, body };
  }

  const STACK = [
    ["work", "main.php", 10],
    ["open", "part.php", 3],
    ["{closure}", "part.php", 0],
    ["array_map", "part.php", 0],
    ["[INCLUDE_OR_EVAL]", "main.php", 13],
  ];

  test.each([
    ["sleep", "usleep", 4],
    ["busy", "hrtime", 5],
    ["print", undefined, 6],
  ])("shows the calls of a script that is in %s, which goes on", async (how, innermost, line) => {
    const { backtrace, body } = await traced(how);
    const frames = backtrace?.frames ?? [];
    expect(backtrace?.script).toBe(join(scratch.root, "main.php"));
    const [first] = frames;
    if (innermost !== undefined) expect(first?.name).toBe(innermost);
    expect(first?.file).toBe(join(scratch.root, "main.php"));
    // Caught in a function of PHP's own, it is the innermost frame; caught in `echo`, which is none, `work()` is.
    expect(innermost === undefined ? [line, 10] : [line]).toContain(first?.line);
    const rest = frames.slice(-STACK.length).map((frame, index) => [
      frame.name.replace(/^\{closure.*/, "{closure}"),
      frame.file.slice(scratch.root.length + 1),
      // Which line of a call in several lines counts is PHP's own affair.
      STACK[index]?.[2] === 0 ? 0 : frame.line,
    ]);
    expect(rest).toEqual(STACK);
    expect(body.endsWith("done")).toBe(true);
  });

  test("is none while nothing runs", async () => {
    expect(await child.trace?.(AbortSignal.timeout(5_000))).toBeUndefined();
  });
});
