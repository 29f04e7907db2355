// `edge-fpm fpm -y`: configurations of php-fpm, tested, shown and running with real PHP.

import { execFileSync, spawnSync } from "node:child_process";
import {
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { runEdgeFpm } from "../peers/edge-fpm.ts";
import { describePeers, peerPath } from "../peers/peer.ts";
import type { Program } from "../peers/program.ts";
import { makeScratch, type Scratch } from "../peers/scratch.ts";
import { run } from "./run.ts";

const STOCK = "/etc/php/8.2/fpm/php-fpm.conf";
const asRoot = process.getuid?.() === 0;
/** A user who owns nothing here. */
const user = asRoot ? "nobody" : "";
const userLine = user === "" ? "" : `user = ${user}`;

let scratch: Scratch;
const running: Program[] = [];
beforeAll(() => {
  scratch = makeScratch("fpm-conf");
  writeFileSync(
    join(scratch.path, "tell.php"),
    "<?php echo json_encode([getenv('POOL'), ini_get('memory_limit'), ini_get('precision'), ini_set('precision', '9')]);",
  );
  for (const folder of ["run", "log", "pool.d"]) {
    mkdirSync(join(scratch.path, folder));
    if (asRoot) chownSync(join(scratch.path, folder), 65534, 65534);
  }
});
afterEach(async () => {
  for (const program of running.splice(0)) await program.stop("SIGKILL");
});
afterAll(() => scratch.remove());

function write(name: string, text: string): string {
  const file = join(scratch.path, name);
  writeFileSync(file, text);
  return file;
}

function start(...args: string[]): Program {
  const program = runEdgeFpm(["fpm", "--php", "8.2", "-F", "-O", "-p", scratch.path, ...args]);
  running.push(program);
  return program;
}

/** The answer of a script, or of another path, through our own client. */
async function request(address: string, script = "tell.php", ...more: string[]): Promise<string> {
  const ended = await run(["request", address, join(scratch.path, script), "--root", scratch.path, ...more]);
  return ended.stdout;
}

describe("edge-fpm fpm -t", () => {
  test("names every fault of every file and ends with php-fpm's status", async () => {
    const file = write("broken.conf", "[global]\nlog_level = loud\n# remark\n[www]\npm = fast\nlisten = 70000\n");
    const { status, stderr } = await run(["fpm", "-t", "-y", file]);
    expect(status).toBe(78);
    for (const fault of [
      `ERROR: ${file}:2: [global] log_level is "loud"; allowed: debug, notice, warning, error or alert`,
      `ERROR: ${file}:3: [global] the line is "# remark"; allowed: a comment starts with ;`,
      `ERROR: ${file}:4: [pool www] pm.max_children is missing`,
      `ERROR: ${file}:5: [pool www] pm is "fast"; allowed: static, dynamic or ondemand`,
      `ERROR: ${file}:6: [pool www] listen is "70000"`,
      "ERROR: the configuration has 5 faults",
    ]) {
      expect(stderr).toContain(fault);
    }
  });

  test("a file that is not there has php-fpm's status too", async () => {
    const { status, stderr } = await run(["fpm", "-t", "-y", "/nope.conf"]);
    expect([status, stderr]).toEqual([78, expect.stringContaining("/nope.conf")]);
  });

  test("-tt shows what was understood", async () => {
    const file = write("show.conf", "[www]\nlisten = 127.0.0.1:0\npm = static\npm.max_children = 4\nenv[A] = b\n");
    const { status, stderr } = await run(["fpm", "-tt", "-y", file]);
    expect(status).toBe(0);
    expect(stderr).toMatch(/^\[\d\d-\w{3}-\d{4} [\d:]{8}\] NOTICE: \[global\]\n/);
    expect(stderr).toContain("NOTICE: \tpm.max_children = 4\n");
    expect(stderr).toContain("NOTICE: \tenv[A] = b\n");
    expect(stderr).toContain(`NOTICE: configuration file ${file} test is successful\n`);
  });

  test("options of a pool without a file are refused beside one", async () => {
    const { status, stderr } = await run(["fpm", "-y", "/x.conf", "--children", "3", "-l", "9000"]);
    expect([status, stderr]).toEqual([
      2,
      expect.stringMatching(/--listen, --children and a configuration file exclude/),
    ]);
  });
});

describePeers(["php-fpm8.2"], "edge-fpm fpm -tt beside php-fpm", () => {
  test.skipIf(!existsSync(STOCK))("Debian's files: the same lines but for two", async () => {
    const lines = (text: string) => [...text.matchAll(/NOTICE: (\[\w+\]|\t.*)$/gm)].map(([, line]) => line);
    const theirs = lines(spawnSync(peerPath("php-fpm8.2"), ["-tt", "-y", STOCK], { encoding: "utf8" }).stderr);
    const ours = lines((await run(["fpm", "-tt", "-y", STOCK])).stderr);
    expect(theirs.length).toBeGreaterThan(55);
    expect(ours.filter((line) => !theirs.includes(line))).toEqual([
      "\tlog_level = NOTICE",
      "\tevents.mechanism = undefined",
    ]);
    expect(ours).toHaveLength(theirs.length);
  });
});

describe("edge-fpm fpm about PHP", () => {
  test("-v, -m and -i ask PHP itself", async () => {
    const version = await run(["fpm", "-v", "--php", "8.2"]);
    expect(version.stdout).toMatch(/^PHP 8\.2\.\d+ \(fpm-fcgi\), edge-fpm \S+\nCopyright .*\nZend Engine v4/);
    const modules = await run(["fpm", "-m", "--php", "8.2"]);
    expect(modules.stdout).toMatch(/^\[PHP Modules\]\n[^[]*\nCore\n[^[]*\n\n\[Zend Modules\]\n/);
    const info = await run(["fpm", "-i", "--php", "8.2", "-d", "precision=3"]);
    expect(info.stdout).toMatch(/^phpinfo\(\)\n/);
    expect(info.stdout).toMatch(/^precision => 3 => 3$/m);
  }, 60_000);
});

describe("edge-fpm fpm -y", () => {
  const two = () => `[global]
pid = run/fpm.pid
error_log = log/error.log
daemonize = yes
[one]
${userLine}
listen = run/one.sock
listen.mode = 0640
pm = static
pm.max_children = 1
pm.status_path = /status
pm.status_listen = 127.0.0.1:0
ping.path = /ping
ping.response = here
access.log = log/$pool.access
env[POOL] = $pool
php_value[memory_limit] = 100M
php_admin_value[precision] = 5
[two]
${userLine}
listen = 127.0.0.1:0
listen.allowed_clients = 127.0.0.1
pm = ondemand
pm.max_children = 1
env[POOL] = second
php_value[memory_limit] = 60M
`;
  const socket = () => `unix:${scratch.path}/run/one.sock`;

  test("runs several pools, each with its address, environment and php.ini", async () => {
    const program = start("-y", write("two.conf", two()));
    await program.waitFor(/ready to handle connections/);
    const address =
      (await program.waitFor(/(tcp:\/\/127\.0\.0\.1:\d+)\S* {2}speaks FastCGI with PHP 8\.2, pool two/))[1] ?? "";
    expect(await request(socket())).toBe('["one","100M","5",false]');
    expect(await request(address)).toBe('["second","60M","14","14"]');
    expect(statSync(join(scratch.path, "run/one.sock")).mode & 0o777).toBe(0o640);
    expect(readFileSync(join(scratch.path, "run/fpm.pid"), "utf8")).toBe(String(program.pid));
    if (asRoot) expect(readFileSync(`/proc/${program.pid}/status`, "utf8")).toMatch(/^Uid:\t65534\t65534/m);

    expect(await request(socket(), "x.php", "--param", "SCRIPT_NAME=/ping")).toBe("here");
    const status =
      /(tcp:\/\/127\.0\.0\.1:\d+)\S* {2}speaks FastCGI with PHP 8\.2, pool one/.exec(program.output())?.[1] ?? "";
    expect(await request(status, "x.php", "--param", "SCRIPT_NAME=/status")).toMatch(/^pool: +one\n/);

    program.signal("SIGQUIT");
    expect(await program.exited).toEqual({ code: 0, signal: null });
    expect(existsSync(join(scratch.path, "run/fpm.pid"))).toBe(false);
    expect(existsSync(join(scratch.path, "run/one.sock"))).toBe(false);
    expect(readFileSync(join(scratch.path, "log/one.access"), "utf8")).toContain('"GET /tell.php" 200\n');
    expect(readFileSync(join(scratch.path, "log/error.log"), "utf8")).toContain("NOTICE: exiting, bye-bye!\n");
  }, 60_000);

  test("a chroot is all that PHP sees of the machine, and its links lead nowhere else", async () => {
    const root = join(scratch.path, "jail");
    mkdirSync(join(root, "www"), { recursive: true });
    writeFileSync(join(root, "top.php"), "<?php echo 'top ', count(glob('/internal/root/*'));");
    symlinkSync("/etc/passwd", join(root, "www/link"));
    const code =
      "<?php echo json_encode([__FILE__, is_file('/etc/passwd'), is_file(__DIR__ . '/link'), array_values(array_diff(scandir(__DIR__), ['.', '..']))]);";
    writeFileSync(join(root, "www/in.php"), code);
    const file = write("jail.conf", two().replace("[two]", `chroot = ${root}\nchdir = /www\n[two]`));
    const program = start("-y", file);
    await program.waitFor(/ready to handle connections/);
    const inside = (path: string) => run(["request", socket(), path]).then(({ stdout }) => stdout);
    expect(JSON.parse(await inside("/www/in.php"))).toEqual(["/www/in.php", false, false, ["in.php", "link"]]);
    expect(await inside("/top.php")).toBe("top 2");
  }, 60_000);

  test("reads its files again on SIGUSR2: pools change, come and go; faults change nothing", async () => {
    const file = write("reload.conf", two());
    const program = start("-y", file);
    await program.waitFor(/ready to handle connections/);
    writeFileSync(file, "[broken");
    program.signal("SIGUSR2");
    await program.waitFor(/the old one stays in force/);
    expect(await request(socket())).toContain('"one"');

    const [first = ""] = two().split("[two]");
    const third = `[three]\n${userLine}\nlisten = run/three.sock\npm = ondemand\npm.max_children = 1\nenv[POOL] = third\n`;
    writeFileSync(file, first.replace("100M", "50M").replace("= here", "= there") + third);
    program.signal("SIGUSR2");
    await program.waitFor(/Reloading[\s\S]*Reloading[\s\S]*ready to handle connections/);
    await program.waitForSocket({ path: join(scratch.path, "run/three.sock") });
    expect(await request(socket())).toContain('"50M"');
    expect(await request(socket(), "x.php", "--param", "SCRIPT_NAME=/ping")).toBe("there");
    expect(await request(`unix:${scratch.path}/run/three.sock`)).toContain('"third"');
  }, 60_000);

  test("opens its logs again on SIGUSR1", async () => {
    const program = start("-y", write("logs.conf", two()));
    await program.waitFor(/ready to handle connections/);
    const log = join(scratch.path, "log/error.log");
    renameSync(log, `${log}.1`);
    program.signal("SIGUSR1");
    await program.waitFor(/error log file re-opened/);
    await expect.poll(() => readFileSync(log, "utf8")).toContain("error log file re-opened");
  }, 60_000);

  test("goes to the background: the command ends when requests are taken", async () => {
    const file = write("daemon.conf", two());
    const started = await run(["fpm", "--php", "8.2", "-p", scratch.path, "-y", file]);
    const pid = Number(readFileSync(join(scratch.path, "run/fpm.pid"), "utf8"));
    try {
      expect(started).toMatchObject({ status: 0, stderr: "" });
      expect(await request(socket())).toContain('"one"');
    } finally {
      process.kill(pid, "SIGTERM");
    }
    await expect.poll(() => existsSync(join(scratch.path, "run/fpm.pid")), { timeout: 10_000 }).toBe(false);
  }, 60_000);

  test("an address that cannot be had is told by the command that went to the background", async () => {
    const file = write("taken.conf", two().replace("run/one.sock", "nowhere/one.sock"));
    const { status, stderr } = await run(["fpm", "--php", "8.2", "-p", scratch.path, "-y", file, "-D"]);
    expect([status, stderr]).toEqual([1, expect.stringContaining("nowhere/one.sock does not exist")]);
  }, 60_000);

  test("turns away clients that are not in listen.allowed_clients", async () => {
    const file = write("allowed.conf", two().replace("clients = 127.0.0.1", "clients = 192.0.2.1, ::2"));
    const program = start("-y", file);
    const address =
      (await program.waitFor(/(tcp:\/\/127\.0\.0\.1:\d+)\S* {2}speaks FastCGI with PHP 8\.2, pool two/))[1] ?? "";
    const ended = await run(["request", address, join(scratch.path, "tell.php")]);
    expect(ended).toMatchObject({ status: 1, stdout: "" });
  }, 60_000);

  test.skipIf(!asRoot)(
    "scripts run as root only with -R, and as one user",
    async () => {
      const file = write("root.conf", two().replaceAll(`user = ${user}`, "user = root"));
      const refused = await run(["fpm", "-F", "-p", scratch.path, "-y", file]);
      expect([refused.status, refused.stderr]).toEqual([78, expect.stringContaining("scripts would run as root")]);
      writeFileSync(file, two().replace(`user = ${user}`, "user = daemon"));
      const mixed = await run(["fpm", "-F", "-p", scratch.path, "-y", file]);
      expect([mixed.status, mixed.stderr]).toEqual([78, expect.stringContaining("have different users")]);
      writeFileSync(file, two().replaceAll(`user = ${user}`, "user = root"));
      await start("-R", "-y", file).waitFor(/ready to handle connections/);
    },
    60_000,
  );
});

// In a mount namespace of its own: the real php-fpm of this machine may hold the real /run/php.
const canUnshare =
  asRoot && existsSync(STOCK) && spawnSync("unshare", ["-m", "mount", "-t", "tmpfs", "x", "/run/php"]).status === 0;
describePeers(["cgi-fcgi"], "Debian's stock configuration", () => {
  test.skipIf(!canUnshare)(
    "starts unmodified, as www-data, and answers cgi-fcgi",
    async () => {
      const script = `mount -t tmpfs x /run/php && chown www-data:www-data /run/php && mount -t tmpfs x /var/log || exit 9
"$0" "$1" fpm -y ${STOCK} -F -O --php 8.2 & pid=$!
for i in $(seq 200); do [ -S /run/php/php8.2-fpm.sock ] && grep -q ready /var/log/php8.2-fpm.log && break; sleep 0.1; done
stat -c '%U:%G %a' /run/php/php8.2-fpm.sock; cat /run/php/php8.2-fpm.pid; echo " is $pid"; grep ^Uid /proc/$pid/status
SCRIPT_FILENAME=$2 REQUEST_METHOD=GET ${peerPath("cgi-fcgi")} -bind -connect /run/php/php8.2-fpm.sock
kill -QUIT $pid; wait $pid; echo "ended with $?"; ls /run/php`;
      const main = join(import.meta.dirname, "../../src/cli/main.ts");
      const output = execFileSync(
        "unshare",
        ["-m", "sh", "-c", script, process.execPath, main, join(scratch.path, "tell.php")],
        { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] },
      );
      expect(output).toMatch(/^unix:\/run\/php\/php8\.2-fpm\.sock {2}speaks FastCGI with PHP 8\.2, pool www$/m);
      expect(output).toMatch(/^www-data:www-data 660$/m);
      expect(output).toMatch(/^(\d+) is \1$/m);
      expect(output).toMatch(/^Uid:\t33\t33/m);
      expect(output).toContain('[false,"128M","14","14"]');
      expect(output.trimEnd()).toMatch(/ended with 0$/);
    },
    60_000,
  );
});
