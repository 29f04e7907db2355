// Schedules and mail in a configuration: what is refused, and what jobs become.

import { describe, expect, test } from "vitest";
import { checkConfig } from "../../../src/gateway/config/check.ts";
import { compileConfig } from "../../../src/gateway/config/compile.ts";
import type { GatewayConfig } from "../../../src/gateway/config/config.ts";
import { cronJobs } from "../../../src/gateway/config/cron.ts";
import { edgeConfig } from "../../../src/image/edge-config.ts";

describe("cron and mail in a configuration", () => {
  test.each<[object, string, RegExp]>([
    [{ cron: [{ schedule: "61 * * * *", script: "/a.php" }] }, "cron[0].schedule", /a cron expression/],
    [{ cron: [{ schedule: "0 0 31 2 *", script: "/a.php" }] }, "cron[0].schedule", /never comes/],
    [{ cron: [{ schedule: "* * * * *", script: "a.php" }] }, "cron[0].script", /begins with a slash/],
    [{ cron: [{ schedule: "* * * * *" }] }, "cron[0].script", /cannot be left out/],
    [{ cron: [{ schedule: "* * * * *", script: "/a.php", timezone: "Mars" }] }, "cron[0].timezone", /time zone/],
    [{ cron: [{ schedule: "* * * * *", script: "/a.php", timeout: 1 }] }, "cron[0].timeout", /from 100/],
    [{ cron: [{ schedule: "* * * * *", script: "/a.php", pass: "nobody" }] }, "cron[0].pass", /pool or an upstream/],
    [
      {
        cron: [
          { schedule: "* * * * *", script: "/a.php?1" },
          { schedule: "@daily", script: "/a.php" },
        ],
      },
      "cron[1]",
      /a name of its own/,
    ],
    [{ cron: [{ schedules: "* * * * *", script: "/a.php" }] }, "cron[0].schedules", /did you mean schedule/],
    [{ mail: { smtp: "http://x" } }, "mail.smtp", /smtp:\/\//],
    [{ mail: { from: "me" } }, "mail.from", /an address/],
  ])("%j is refused", (config, path, allowed) => {
    const problem = checkConfig(config).find((one) => one.path === path);
    expect(problem?.allowed).toMatch(allowed);
  });

  test("a schedule that is none names its job", () => {
    const [problem] = checkConfig({ root: "/srv", cron: [{ schedule: "0 0 31 2 *", script: "/clean.php?all" }] });
    expect(problem).toMatchObject({ path: "cron[0].schedule", seen: '"0 0 31 2 *" of clean.php' });
  });

  const CONFIG: GatewayConfig = {
    pools: { one: {}, two: {} },
    fastcgi: { pass: "one" },
    mail: { smtp: "smtp://user:secret@mail.example.org", from: "a@example.org" },
    sites: [
      { root: "/srv/main", serverName: "main.example.org" },
      { root: "/srv/other", hosts: [/^x/, ".other.example.org"], fastcgi: { pass: "two" } },
    ],
    cron: [
      { schedule: "@hourly", script: "/a.php?b=1" },
      {
        schedule: "@daily",
        script: "/b.php",
        host: "www.other.example.org",
        scheme: "https",
        timezone: "Europe/Berlin",
      },
      { schedule: "* * * * *", script: "/c.php", name: "c", pass: "two", timeout: 1000 },
    ],
  };

  test("jobs get the root, the name and the pool of their site", () => {
    expect(checkConfig(CONFIG)).toEqual([]);
    expect(cronJobs(CONFIG, compileConfig(CONFIG))).toMatchObject([
      {
        name: "a.php",
        script: "/a.php?b=1",
        documentRoot: "/srv/main",
        serverName: "main.example.org",
        application: "one",
        timezone: "UTC",
        timeout: 300_000,
      },
      {
        name: "b.php",
        documentRoot: "/srv/other",
        serverName: "www.other.example.org",
        application: "two",
        scheme: "https",
      },
      { name: "c", application: "two", timeout: 1000 },
    ]);
  });

  test("in a deployment roots are below the mount, and no password of a mail server is in the bundle", () => {
    const { pools: _, fastcgi: __, ...rest } = CONFIG;
    const config = { ...rest, sites: [{ root: "/srv/app/main" }], cron: CONFIG.cron?.slice(0, 1) ?? [] };
    const { cron, mail, plain, warnings } = edgeConfig(config, "/srv/app", "/app");
    expect(cron).toMatchObject([{ name: "a.php", documentRoot: "/app/main", serverName: "localhost" }]);
    expect(mail).toEqual({ from: "a@example.org" });
    expect(JSON.stringify(plain)).not.toContain("secret");
    expect(warnings.join()).toContain("mail.smtp has no effect");
  });
});
