// The schedule and the mails of an application at the edge, in real workerd: alarms of the pool's object, a send_email binding.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import type { GatewayConfig } from "../../src/gateway/config/config.ts";
import { http } from "../http-suite/client.ts";
import { makeScratch } from "../peers/scratch.ts";
import { type RunningWorkers, startWorkers } from "./start.ts";

const site = makeScratch("edge-cron");
const state = makeScratch("edge-cron-state");

const SCRIPTS: Readonly<Record<string, string>> = {
  "tick.php": `<?php file_put_contents(__DIR__ . '/tick.txt', time() . ' ' . $_SERVER['SERVER_NAME'] . ' ' . $_SERVER['REQUEST_URI'] . "\\n", FILE_APPEND | LOCK_EX); echo 'ticked';`,
  "endless.php": "<?php echo 'begun'; flush(); while (true) usleep(10000);",
  "broken.php": "<?php throw new Exception('it broke');",
  "hourly.php": "<?php file_put_contents(__DIR__ . '/hourly.txt', 'x', FILE_APPEND);",
  "read.php": "<?php echo @file_get_contents(__DIR__ . '/' . $_GET['file']);",
  "slow.php": `<?php file_put_contents(__DIR__ . '/slow.txt', 'b', FILE_APPEND); usleep(2000000); file_put_contents(__DIR__ . '/slow.txt', 'e', FILE_APPEND);`,
  "mail.php": `<?php echo json_encode([mail("a@example.org", "At the edge", "one\\ntwo", "From: site@example.org\\r\\nBcc: b@example.org", "-fbounce@example.org"), error_get_last()['message'] ?? null]);`,
};
for (const [name, text] of Object.entries(SCRIPTS)) writeFileSync(join(site.path, name), text);
mkdirSync(state.path, { recursive: true });

const CONFIG: GatewayConfig = {
  root: site.path,
  mail: { smtp: "smtp://u:secret@mail.example.org" },
  cron: [
    { schedule: "* * * * * *", script: "/tick.php?a=1", name: "tick", host: "example.org" },
    { schedule: "*/2 * * * * *", script: "/endless.php", timeout: 700 },
    { schedule: "*/2 * * * * *", script: "/broken.php" },
    { schedule: "0 0 30 2 *", script: "/hourly.php" },
  ],
};

let workers: RunningWorkers | undefined;
async function start(
  config: GatewayConfig,
  more: { readonly mail?: boolean } = {},
  processIdleTimeout = 10_000,
): Promise<RunningWorkers> {
  workers = await startWorkers({
    root: site.path,
    config,
    php: "8.2",
    pool: { maxChildren: 2, processIdleTimeout },
    local: { persist: state.path, ...more },
  });
  return workers;
}

// Two at once would write the same state.
afterEach(async () => {
  await workers?.stop();
  workers = undefined;
});
afterAll(() => {
  site.remove();
  state.remove();
});

async function until(condition: () => boolean): Promise<void> {
  const end = performance.now() + 30_000;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`it did not come to pass: ${workers?.log()}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

describe("the schedule of a pool's object", () => {
  test("wakes it by alarms, runs each job once for its time, and ends what takes too long", async () => {
    const { baseUrl, log } = await start(CONFIG);
    expect((await http(baseUrl, "/read.php?file=none")).status).toBe(200);
    const count = (what: RegExp) => log().match(what)?.length ?? 0;
    await until(() => count(/\[cron tick\] done/g) >= 4 && count(/endless\.php\] ended by its timeout/g) >= 1);
    await until(() => count(/broken\.php\] failed/g) >= 1);
    expect(log()).toMatch(/\[cron tick\] done, status 200, \d+ ms: ticked/);
    expect(log()).toMatch(/warn: \[cron endless\.php\] ended by its timeout, .*ended after 700 ms/);
    expect(log()).toMatch(/warn: \[cron broken\.php\] failed, status 500, .*it broke/);
    expect(log()).not.toContain("hourly.php");
    const ticks = (await http(baseUrl, "/read.php?file=tick.txt")).text().trim().split("\n");
    expect(ticks.length).toBeGreaterThanOrEqual(4);
    expect(new Set(ticks).size, "two runs in one second").toBe(ticks.length);
    expect(ticks[0]).toMatch(/^\d+ example\.org \/tick\.php\?a=1$/);
  }, 120_000);

  test("goes on after the object was lost, without a request, and makes up for what was missed once", async () => {
    const hourly = { schedule: "0 0 30 2 *", script: "/hourly.php" };
    // Nobody asks anything: the alarm that was kept wakes the object.
    const { log } = await start({
      ...CONFIG,
      cron: [{ schedule: "* * * * * *", script: "/tick.php", name: "tick", host: "example.org" }, hourly],
    });
    await until(() => /\[cron tick\] done/.test(log()));
    expect(log().match(/made up for now/g)?.length ?? 0).toBeLessThanOrEqual(1);
  }, 120_000);
});

describe("the pool's object", () => {
  test("can be put away after an alarm, and is not before a run has ended", async () => {
    const cron = [{ schedule: "*/10 * * * * *", script: "/slow.php" }];
    const { baseUrl, log, miniflare } = await start({ root: site.path, cron }, {}, 300);
    const count = (what: RegExp) => log().match(what)?.length ?? 0;
    // Waits until nothing holds the object: a timer that nobody needs any more would.
    const putAway = () => miniflare.unsafeEvictDurableObject("edge-fpm", "Pool", { name: "www" });
    expect((await http(baseUrl, "/read.php?file=slow.txt")).status).toBe(200);
    await until(() => count(/\] started \/slow/g) >= 1);
    await putAway();
    const done = () => count(/\[cron slow\.php\] done, status 200/g);
    await until(() => done() === 1);
    expect(count(/\] started \/slow/g)).toBe(1);
    // The alarm that it had set wakes it.
    await until(() => done() === 2);
    await putAway();
    expect((await http(baseUrl, "/read.php?file=slow.txt")).text()).toMatch(/^(be){2,}$/);
    expect(log()).not.toContain("interrupted");
  }, 120_000);
});

describe("mail() at the edge", () => {
  test("goes to the send_email binding, once for each recipient", async () => {
    const { baseUrl, log } = await start({ root: site.path });
    const answer = await http(baseUrl, "/mail.php");
    expect(answer.text(), log()).toBe("[true,null]");
    await until(() => (log().match(/\[mail\] \S+\.eml/g)?.length ?? 0) >= 2);
    const files = log().match(/\/\S+\.eml/g) ?? [];
    const mails = files.map((file) => readFileSync(file, "utf8"));
    for (const mail of mails) {
      expect(mail).toMatch(/^From: site@example\.org\r\n/m);
      expect(mail).toMatch(/^Subject: At the edge\r\n/m);
      expect(mail).not.toMatch(/^Bcc:/m);
      expect(mail).toMatch(/\r\n\r\none\r\ntwo\r\n/);
    }
  }, 120_000);

  test("without a binding gives false and warns what to set", async () => {
    const { baseUrl, log } = await start({ root: site.path }, { mail: false });
    const answer = await http(baseUrl, "/mail.php");
    expect(answer.text(), log()).toMatch(
      /^\[false,".*nobody takes mails here: set mail in the configuration, --smtp or the binding MAIL/,
    );
  }, 120_000);
});
