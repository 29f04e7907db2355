import { describe, expect, test } from "vitest";
import { type ParsedConfig, parseFpmConfig } from "../../../src/fpm/conf/parse.ts";
import type { Prefixes } from "../../../src/fpm/conf/paths.ts";
import { poolConfigInput } from "../../../src/fpm/conf/pool-config.ts";
import { ConfFileError, problemLine } from "../../../src/fpm/conf/problem.ts";
import { poolConfig } from "../../../src/fpm/index.ts";
import { type FakeMachine, fakeSystem } from "./system.ts";

function parse(machine: FakeMachine | string, prefixes: Prefixes = {}): ParsedConfig {
  const given = typeof machine === "string" ? { files: { "/f.conf": machine } } : machine;
  return parseFpmConfig("/f.conf", fakeSystem(given), prefixes);
}

function faults(machine: FakeMachine | string, prefixes: Prefixes = {}): string[] {
  try {
    parse(machine, prefixes);
  } catch (error) {
    if (error instanceof ConfFileError) return error.problems.map(problemLine);
    throw error;
  }
  return [];
}

const POOL = "[www]\nlisten = 127.0.0.1:9000\npm = static\npm.max_children = 3\n";

describe("a configuration", () => {
  test("has php-fpm's defaults where it says nothing", () => {
    const { config, warnings } = parse(POOL);
    expect(warnings).toEqual([]);
    expect(config.global).toMatchObject({
      pid: undefined,
      errorLog: "/var/log/php-fpm.log",
      logLevel: "notice",
      logLimit: 1024,
      processControlTimeout: undefined,
      daemonize: true,
    });
    expect(config.pools).toHaveLength(1);
    expect(config.pools[0]).toMatchObject({
      name: "www",
      place: { file: "/f.conf", line: 1 },
      listenBacklog: -1,
      pmProcessIdleTimeout: 10_000,
      requestSlowlogTraceDepth: 20,
      clearEnv: true,
      securityLimitExtensions: [".php", ".phar"],
      env: {},
    });
  });

  test("is a pool's configuration as it stands", () => {
    const text = `[global]\nprocess_control_timeout = 3\n${POOL}listen.backlog = 0\nrequest_terminate_timeout = 2d\n`;
    const { config } = parse(text);
    const [pool] = config.pools;
    expect(poolConfig(pool && poolConfigInput(pool, config.global))).toMatchObject({
      name: "www",
      pm: "static",
      maxChildren: 3,
      listenBacklog: 1,
      requestTerminateTimeout: 2 * 24 * 60 * 60 * 1000,
      processControlTimeout: 3000,
    });
  });

  test("takes variables of the environment; of a name given twice the first counts, as in php-fpm", () => {
    const text = `${POOL}env[A] = $HOME\nenv[B] = $NONE\nenv[C] = 1\nenv[C] = 2\nphp_value[a] = 1\nphp_flag[b] = off\nphp_value[a] = 2\n`;
    const { config } = parse({ files: { "/f.conf": text }, environment: { HOME: "/root" } });
    expect(config.pools[0]?.env).toEqual({ A: "/root", B: "", C: "1" });
    expect(config.pools[0]?.phpValues).toEqual([
      { name: "a", value: "2", flag: false },
      { name: "b", value: "0", flag: true },
      { name: "a", value: "1", flag: false },
    ]);
  });

  test("puts the nearest prefix in front of relative paths", () => {
    const text = `[global]\npid = run/x.pid\n${POOL}slowlog = s.log\n[own]\nprefix = p\nlisten = $pool.sock\npm = static\npm.max_children = 1\naccess.log = a\n`;
    const { config } = parse({ files: { "/f.conf": text }, directories: ["/pre/p"] }, { given: "/pre" });
    expect(config.global).toMatchObject({ pid: "/pre/run/x.pid", errorLog: "/pre/log/php-fpm.log" });
    expect(config.pools.map(({ listen, slowlog, accessLog }) => [listen, slowlog, accessLog])).toEqual([
      ["127.0.0.1:9000", "/pre/s.log", undefined],
      ["/pre/p/own.sock", undefined, "/pre/p/a"],
    ]);
  });

  test("goes on in included files, in the order of their names", () => {
    const small = (name: string, port: number) => `[${name}]\nlisten = ${port}\npm = static\npm.max_children = 1\n`;
    const { config, files } = parse({
      files: {
        "/f.conf": "include = /d/*.conf\npm.max_children = 9\n",
        "/d/b.conf": small("b", 2),
        "/d/a.conf": small("a", 1),
      },
    });
    expect(files).toEqual(["/f.conf", "/d/a.conf", "/d/b.conf"]);
    expect(config.pools.map(({ name, pmMaxChildren }) => [name, pmMaxChildren])).toEqual([
      ["a", 1],
      ["b", 9],
    ]);
  });

  test("tells of each directive without meaning once, and of includes that match nothing", () => {
    const other = POOL.replaceAll("9000", "9001").replace("www", "b");
    const { warnings } = parse(`rlimit_core = 0\ninclude = /x/*\n${POOL}rlimit_files = 9\n${other}rlimit_files = 9\n`);
    expect(warnings).toEqual([
      "/f.conf:2: nothing matches include = /x/*",
      "/f.conf:1: [global] rlimit_core has no meaning here: children are threads, not processes",
      "/f.conf:7: [pool www] rlimit_files has no meaning here: children are threads, not processes",
    ]);
  });
});

describe("faults", () => {
  test("all are told, by file and line, with what is allowed", () => {
    const found = faults({
      files: {
        "/f.conf": "[global]\nlog_level = loud\n# no comment\npm = static\ninclude = /d/*.conf\n",
        "/d/a.conf":
          "[a]\nlisten =\npm = fast\npm.max_childen = 3\nrequest_terminate_timeout = 1h30m\nphp_flag[x] = maybe\npm.status_path = status\nlisten.mode = 9\nenv[] = 1\n",
        "/d/b.conf": "[b]\nuser = x\nlisten = 70000\npm = dynamic\npm.max_children = 5\npm.max_spare_servers = 9\n",
      },
    });
    expect(found).toEqual([
      '/f.conf:2: [global] log_level is "loud"; allowed: debug, notice, warning, error or alert',
      '/f.conf:3: [global] the line is "# no comment"; allowed: a comment starts with ;',
      expect.stringMatching(/^\/f\.conf:4: \[global\] pm is "static"; allowed: a directive of \[global\]/),
      expect.stringMatching(/^\/d\/a\.conf:1: \[pool a\] pm\.max_children is missing; allowed: a whole number from 1/),
      expect.stringMatching(/^\/d\/a\.conf:2: \[pool a\] listen is ""; allowed: address:port, /),
      '/d/a.conf:3: [pool a] pm is "fast"; allowed: static, dynamic or ondemand',
      '/d/a.conf:4: [pool a] pm.max_childen is "3"; allowed: a directive of a pool, such as pm.max_children',
      '/d/a.conf:5: [pool a] request_terminate_timeout is "1h30m"; allowed: a number and s, m, h or d (seconds without), such as 30s; at most 24d',
      '/d/a.conf:6: [pool a] php_flag[x] is "maybe"; allowed: yes, no, on, off, true, false, 1 or 0',
      expect.stringMatching(
        /^\/d\/a\.conf:7: \[pool a\] pm\.status_path is "status"; allowed: a path that starts with \//,
      ),
      '/d/a.conf:8: [pool a] listen.mode is "9"; allowed: an octal mode such as 0660',
      '/d/a.conf:9: [pool a] env[] is "1"; allowed: env[NAME], with a name in the brackets',
      "/d/b.conf:1: [pool b] pm.min_spare_servers is missing; allowed: from 1 to pm.max_children (5), with pm = dynamic",
      expect.stringMatching(/^\/d\/b\.conf:3: \[pool b\] listen is "70000"; allowed: /),
      '/d/b.conf:6: [pool b] pm.max_spare_servers is "9"; allowed: from 1 to pm.max_children (5), with pm = dynamic',
    ]);
  });

  test.each([
    ["", "/f.conf: a pool is missing; allowed: at least one section [name] with the directives of a pool"],
    [
      `${POOL}[b]\nlisten = 127.0.0.1:9000\npm = static\npm.max_children = 1\n`,
      "of its own; this one is listen of [www]",
    ],
    [`${POOL}pm.status_path = /s\npm.status_listen = 127.0.0.1:9000\n`, "pm.status_listen"],
    [`${POOL}request_slowlog_timeout = 5\n`, "slowlog is missing"],
    [
      `${POOL}slowlog = /s\nrequest_slowlog_timeout = 5\nrequest_terminate_timeout = 3\n`,
      "at most request_terminate_timeout (3s)",
    ],
    [`${POOL}chdir = /nope\n`, 'chdir is "/nope"; allowed: a directory that exists'],
    [`${POOL}listen.allowed_clients = localhost\n`, 'not "localhost"'],
    [`${POOL}listen = /a.sock\nlisten.owner = nobody-knows\n`, "a user of this machine"],
    [`${POOL}access.log = /a\naccess.format = "%x"\n`, 'access.format is "%x"'],
    [`${POOL}listen = /${"a".repeat(107)}\n`, "up to 107 bytes"],
  ])("%j", (text, fault) => {
    const found = faults(text);
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(fault);
  });

  test("a file that includes itself ends", () => {
    expect(faults({ files: { "/f.conf": "include = /f.conf\n" } })).toEqual([
      '/f.conf:1: include is "/f.conf"; allowed: includes within one another, at most 5 deep',
    ]);
  });

  test("a file that cannot be read is named with the reason", () => {
    expect(faults({ files: {} })).toEqual([
      'the configuration file is "/f.conf"; allowed: a file that can be read (no such file)',
    ]);
  });
});
