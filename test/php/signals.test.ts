// Signals that become due while a script waits: it has put its stack aside, and no handler may jump out of it or end it.

import { createServer } from "node:net";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { Fixture } from "./fixture.ts";
import { listen } from "./network-servers.ts";

// A resolver that never answers.
vi.mock("../../src/platform/node/names.ts", async (original) => ({
  ...(await original<object>()),
  resolveName: () => new Promise(() => {}),
}));

const FETCH = `function fetch(string $url, int $seconds): string { $c = curl_init($url);
  curl_setopt_array($c, [CURLOPT_RETURNTRANSFER => true, CURLOPT_TIMEOUT => $seconds]); curl_exec($c); return curl_error($c); }`;

describe.each(["8.2", "8.4"])("PHP %s", (version) => {
  let php: Fixture;
  let port: number;
  const silent = createServer((socket) => socket.on("error", () => {}));

  beforeAll(async () => {
    port = await listen(silent);
    php = await Fixture.boot({ php: version, network: true });
  });
  afterAll(() => {
    silent.close();
    php[Symbol.dispose]();
  });

  test("curl gives up a name that nobody resolves when its timeout says, again and again", async () => {
    for (let round = 0; round < 2; round++) {
      const { body } = await php.php(`${FETCH} echo fetch('http://slow.example/', 2);`);
      expect(body).toBe("name lookup timed out");
    }
    expect((await php.php("echo 'unharmed';")).body).toBe("unharmed");
  });

  test("a limit that passes while the script waits for a server ends it after the wait, and not the interpreter", async () => {
    // PHP's own hard_timeout is two seconds after the limit.
    const { exit, log } = await php.php(
      `${FETCH} set_time_limit(1); fetch('http://127.0.0.1:${port}/', 4); echo 'on';`,
    );
    expect(log.join()).toContain("Maximum execution time of 1 second exceeded");
    expect(exit).toBe(255);
    expect((await php.php("set_time_limit(1); echo 'unharmed';")).body).toBe("unharmed");
  }, 15_000);

  test("a script that only waits, in short waits, is ended by its limit", async () => {
    const { log } = await php.php("set_time_limit(1); for ($i = 0; $i < 5000; $i++) usleep(1000);");
    expect(log.join()).toContain("Maximum execution time of 1 second exceeded");
  }, 15_000);
});
