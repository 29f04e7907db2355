// The schedule of a configuration, with a real pool; and the mails of its scripts, through a mail server.

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { SmtpServer } from "../mail/smtp-server.ts";
import { runEdgeFpm } from "../peers/edge-fpm.ts";
import { makeScratch } from "../peers/scratch.ts";
import { run } from "./run.ts";

const scratch = makeScratch("cron");
const smtp = new SmtpServer();
const config = join(scratch.path, "edge-fpm.config.mjs");
const data = join(scratch.path, "data");

const SCRIPTS: Readonly<Record<string, string>> = {
  "tick.php": `<?php file_put_contents(__DIR__ . '/../tick.log', json_encode(array_intersect_key($_SERVER, array_flip(['SERVER_NAME', 'HTTP_HOST', 'REQUEST_METHOD', 'REQUEST_URI', 'QUERY_STRING', 'REMOTE_ADDR', 'HTTPS', 'EDGE_FPM_CRON', 'DOCUMENT_ROOT']))) . "\\n", FILE_APPEND | LOCK_EX);
    echo "line one\\nline two";`,
  "slow.php": "<?php file_put_contents(__DIR__ . '/../slow.log', 'x', FILE_APPEND); usleep(2300000); echo 'slept';",
  "endless.php": "<?php echo 'begun'; flush(); while (true) usleep(10000);",
  "broken.php": "<?php throw new Exception('it broke');",
  "hourly.php": "<?php file_put_contents(__DIR__ . '/../hourly.log', 'x', FILE_APPEND);",
  "later.php": `<?php echo "answered"; fastcgi_finish_request(); usleep(1200000); file_put_contents(__DIR__ . '/../later.log', 'x', FILE_APPEND);`,
  "mail.php": "<?php var_dump(mail('a@example.org', 'from cron', 'text'));",
};

beforeAll(async () => {
  const address = await smtp.listen();
  mkdirSync(join(scratch.path, "public"));
  for (const [name, text] of Object.entries(SCRIPTS)) writeFileSync(join(scratch.path, "public", name), text);
  const jobs = [
    { schedule: "* * * * * *", script: "/tick.php?a=1", name: "tick", host: "example.org", scheme: "https" },
    { schedule: "* * * * * *", script: "/slow.php" },
    { schedule: "*/2 * * * * *", script: "/endless.php", timeout: 700 },
    { schedule: "*/2 * * * * *", script: "/broken.php" },
    { schedule: "@hourly", script: "/hourly.php", timezone: "Europe/Berlin" },
    { schedule: "0 0 29 2 *", script: "/mail.php" },
    { schedule: "0 0 29 2 *", script: "/later.php" },
    { schedule: "*/2 * * * * *", script: "/none.php" },
  ];
  const pools = { www: { php: "8.2", maxChildren: 3 } };
  const mail = { smtp: `smtp://${address}`, from: "site@example.org" };
  const all = { root: "public", listen: { port: 0 }, pools, mail, cron: jobs, metrics: { path: "/metrics" } };
  writeFileSync(config, `export default ${JSON.stringify(all)};\n`);
});
afterAll(() => {
  smtp.close();
  scratch.remove();
});

const read = (name: string) => readFileSync(join(scratch.path, name), "utf8");

/** Serves until `use` is done, and gives what was logged. */
async function served(use: (url: string, log: () => string) => Promise<void>): Promise<string> {
  const program = runEdgeFpm(["serve", "--config", config, "--data", data]);
  try {
    const [, url = ""] = await program.waitFor(/(http:\/\/127\.0\.0\.1:\d+) {2}serves/);
    await use(url, () => program.output());
  } finally {
    await program.stop("SIGINT");
  }
  return program.output();
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + 20_000;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error("it did not come to pass");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const stateFile = () =>
  join(data, "cron", readdirSync(join(data, "cron")).find((name) => name.endsWith(".json")) ?? "");

describe("the schedule of serve", () => {
  test("runs scripts through the pool at their times, never one beside itself, and ends what takes too long", async () => {
    const log = await served(async (url, output) => {
      await until(
        () => (output().match(/\[cron slow\.php\] done/g)?.length ?? 0) >= 2 && /endless.*timeout/.test(output()),
      );
      const metrics = await (await fetch(`${url}/metrics`)).text();
      expect(metrics).toMatch(/edgefpm_cron_runs_total\{job="tick"\} [1-9]/);
      expect(metrics).toMatch(/edgefpm_cron_skipped_total\{job="slow\.php"\} [1-9]/);
      expect(metrics).toMatch(/edgefpm_cron_failures_total\{job="broken\.php"\} [1-9]/);
      expect(metrics.endsWith("# EOF\n")).toBe(true);
    });
    const ticks = read("tick.log").trim().split("\n");
    expect(ticks.length).toBeGreaterThan(2);
    expect(JSON.parse(ticks[0] ?? "")).toEqual({
      SERVER_NAME: "example.org",
      HTTP_HOST: "example.org",
      REQUEST_METHOD: "GET",
      REQUEST_URI: "/tick.php?a=1",
      QUERY_STRING: "a=1",
      REMOTE_ADDR: "127.0.0.1",
      HTTPS: "on",
      EDGE_FPM_CRON: "tick",
      DOCUMENT_ROOT: join(scratch.path, "public"),
    });
    expect(log).toMatch(/NOTICE: \[cron tick\] started \/tick\.php/);
    expect(log).toMatch(/NOTICE: \[cron tick\] done, status 200, \d+ ms: line one \| line two/);
    expect(log).toMatch(/NOTICE: \[cron slow\.php\] done, status 200, \d+ ms, \d times? skipped while it ran: slept/);
    expect(log).toMatch(/WARNING: \[cron endless\.php\] ended by its timeout, .*ended after 700 ms/);
    expect(log).toMatch(/WARNING: \[cron broken\.php\] failed, status 500, .*it broke/);
    expect(log).toMatch(/WARNING: \[cron none\.php\] failed, status 404, .*File not found/);
    expect(log).not.toContain("[cron hourly.php]");
  }, 60_000);

  test("makes up for a missed time once after a restart, and tells of an interrupted run", async () => {
    const state = JSON.parse(readFileSync(stateFile(), "utf8"));
    expect(Object.keys(state)).toContain("hourly.php");
    state["hourly.php"].handled -= 5 * 3600 * 1000;
    state["mail.php"].started = state["mail.php"].handled;
    writeFileSync(stateFile(), JSON.stringify(state));
    const log = await served(async (_url, output) => {
      await until(() => output().includes("[cron hourly.php] done"));
    });
    expect(read("hourly.log")).toBe("x");
    expect(log).toMatch(/\[cron hourly\.php\] started \/hourly\.php, due \S+ and made up for now/);
    expect(log).toMatch(/WARNING: \[cron mail\.php\] the run of \S+ was interrupted/);
  }, 60_000);
});

describe("edge-fpm cron", () => {
  test("lists the jobs and their next times", async () => {
    const { status, stdout } = await run(["cron", "--config", config, "--times", "2"]);
    expect(status).toBe(0);
    expect(stdout).toMatch(
      /^tick {2}\* \* \* \* \* \* {2}UTC\n {2}example\.org\/tick\.php\?a=1\n {2}20\S+Z\n {2}20\S+Z\n/,
    );
    expect(stdout).toMatch(/hourly\.php {2}@hourly {2}Europe\/Berlin\n {2}localhost\/hourly\.php\n {2}\S+:00:00Z\n/);
    expect(stdout).toMatch(/mail\.php .*\n.*\n {2}\d{4}-02-29T00:00:00Z\n/);
  });

  test("runs one now, with a child of its own, and mails go to the mail server", async () => {
    const good = await run(["cron", "run", "mail.php", "--config", config, "--data", data]);
    expect(good.stdout).toBe("bool(true)\n");
    expect(good.status).toBe(0);
    expect(smtp.faults).toEqual([]);
    expect(smtp.mails).toMatchObject([{ from: "site@example.org", to: ["a@example.org"] }]);
    expect(smtp.mails[0]?.data).toMatch(
      /^From: site@example\.org\r\nDate: [\s\S]*Subject: from cron\r\n[\s\S]*\r\ntext\r\n$/,
    );
    const bad = await run(["cron", "run", "broken.php", "--config", config, "--data", data]);
    expect(bad.status).toBe(1);
    expect(bad.stderr).toContain("broken.php: failed, status 500");
  }, 60_000);

  test("waits for a script that goes on after its answer", async () => {
    const { status, stdout } = await run(["cron", "run", "later.php", "--config", config, "--data", data]);
    expect([status, stdout]).toEqual([0, "answered\n"]);
    expect(read("later.log")).toBe("x");
  }, 60_000);

  test.each([
    [["cron", "run", "hourli.php", "--config", config], "Did you mean hourly.php?"],
    [["cron", "--smtp", "http://x", "--config", config], "is no mail server"],
  ])("refuses %j", async (args, why) => {
    const { status, stderr } = await run(args);
    expect(status).toBe(2);
    expect(stderr).toContain(why);
  });
});
