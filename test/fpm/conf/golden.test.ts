// biome-ignore-all lint/suspicious/noTemplateCurlyInString: php-fpm writes references so.

// Our reading of configurations beside that of a real php-fpm: `-tt` of both, key by key.

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { nodeConfSystem } from "../../../src/cli/conf-system.ts";
import { dumpConfig } from "../../../src/fpm/conf/dump.ts";
import { parseFpmConfig } from "../../../src/fpm/conf/parse.ts";
import { ConfFileError } from "../../../src/fpm/conf/problem.ts";
import { describePeers, peerPath } from "../../peers/peer.ts";
import { makeScratch, type Scratch } from "../../peers/scratch.ts";

const STOCK = "/etc/php/8.2/fpm/php-fpm.conf";

/** Lines of a dump, or "refused". */
type Dump = readonly string[] | "refused";

/** What the two show differently on purpose. */
const DIFFERENCES: readonly RegExp[] = [
  // php-fpm 8.2 shows "unknown value" but at level debug; ours shows the level.
  /^\tlog_level = /,
  // php-fpm shows the mechanism that it chose, ours what was written.
  /^\tevents\.mechanism = /,
  // An unset string and an empty one mean the same; php-fpm shows the empty one.
  /^\t[\w.]+ = (undefined)?$/,
];

function comparable(lines: readonly string[]): string[] {
  return lines.filter((line) => line.trim() !== "" && !DIFFERENCES.some((pattern) => pattern.test(line)));
}

function theirs(file: string, prefix?: string): Dump {
  const args = ["-tt", "-R", "-y", file, ...(prefix === undefined ? [] : ["-p", prefix])];
  const { status, stderr } = spawnSync(peerPath("php-fpm8.2"), args, { encoding: "utf8" });
  if (status !== 0) return "refused";
  const lines = stderr.split("\n").map((line) => /^\[[^\]]*\] NOTICE: ?(.*)$/.exec(line)?.[1]);
  const dump = lines.filter((line) => line !== undefined && (line.startsWith("\t") || line.startsWith("[")));
  return comparable(dump.filter((line) => line !== undefined && !line.startsWith("[pool ")) as string[]);
}

function ours(file: string, prefix?: string): Dump {
  try {
    return comparable(dumpConfig(parseFpmConfig(file, nodeConfSystem(), { given: prefix }).config));
  } catch (error) {
    if (error instanceof ConfFileError) return "refused";
    throw error;
  }
}

describePeers(["php-fpm8.2"], "a configuration beside php-fpm -tt", () => {
  let scratch: Scratch;
  beforeAll(() => {
    scratch = makeScratch("conf");
    process.env.FOO = "barvalue";
    mkdirSync(join(scratch.path, "log"));
  });
  afterAll(() => {
    delete process.env.FOO;
    scratch.remove();
  });

  function write(text: string): string {
    const file = join(scratch.path, "php-fpm.conf");
    writeFileSync(file, text);
    return file;
  }

  const head = () => `[global]\nerror_log = ${scratch.path}/e.log\n`;
  const pool = (lines: string) =>
    `${head()}[www]\nuser = root\nlisten = 127.0.0.1:9999\npm = static\npm.max_children = 1\n${lines}\n`;

  test.skipIf(!existsSync(STOCK))("Debian's own files", () => {
    const known = theirs(STOCK);
    expect(known).not.toBe("refused");
    expect(ours(STOCK)).toEqual(known);
  });

  test("every directive at once", () => {
    const file = write(`[global]
pid = run/fpm.pid
error_log = log/error.log
syslog.facility = local3
syslog.ident = edge
log_level = notice
log_limit = 4096
log_buffering = no
emergency_restart_threshold = 3
emergency_restart_interval = 1m
process_control_timeout = 5
process.max = 128
process.priority = -3
rlimit_files = 1024
rlimit_core = unlimited
daemonize = no
events.mechanism = epoll
systemd_interval = 10m
[one]
user = root
group = root
listen = /tmp/one.sock
listen.backlog = 64
listen.owner = root
listen.group = root
listen.mode = 0600
listen.allowed_clients = 127.0.0.1,::1
process.priority = 5
process.dumpable = yes
pm = dynamic
pm.max_children = 9
pm.min_spare_servers = 2
pm.max_spare_servers = 6
pm.max_spawn_rate = 4
pm.process_idle_timeout = 1m
pm.max_requests = 500
ping.path = /ping
ping.response = "p o n g"
access.log = log/$pool.access
access.format = "%R - %u %t \\"%m %r%Q%q\\" %s %f %{milli}d %{kilo}M %C%%"
access.suppress_path[] = /ping
access.suppress_path[] = /health.php
slowlog = log/$pool.slow
request_slowlog_timeout = 3s
request_slowlog_trace_depth = 5
request_terminate_timeout = 1h
request_terminate_timeout_track_finished = on
rlimit_files = 7
rlimit_core = 0
chdir = log
catch_workers_output = true
decorate_workers_output = 0
clear_env = off
security.limit_extensions = .php .phtml
env[HOSTNAME] = $HOSTNAME
env[TMP] = /tmp
php_value[error_reporting] = E_ALL & ~E_NOTICE
php_flag[display_errors] = on
php_admin_value[memory_limit] = 32M
php_admin_value[error_log] = log/php.log
php_admin_flag[log_errors] = off
[two]
user = root
listen = sub/two.sock
pm = ondemand
pm.max_children = 2
pm.start_servers = 4
prefix = log
pm.status_path = /status
`);
    expect(ours(file, scratch.path)).toEqual(theirs(file, scratch.path));
    expect(ours(file, scratch.path)).toContain(`\tlisten = ${scratch.path}/log/sub/two.sock`);
  });

  test("includes, relative to the prefix, and what follows them", () => {
    mkdirSync(join(scratch.path, "pool.d"), { recursive: true });
    const small = (name: string) => `[${name}]\nuser = root\nlisten = ${name}.sock\npm = static\npm.max_children = 1\n`;
    writeFileSync(join(scratch.path, "pool.d/b.conf"), small("b"));
    writeFileSync(join(scratch.path, "pool.d/a.conf"), small("a"));
    const file = write(`${head()}include=pool.d/*.conf\nrequest_terminate_timeout = 9\n[A]\npm.max_children = 7\n`);
    const dump = ours(file, scratch.path);
    expect(dump).toEqual(theirs(file, scratch.path));
    expect(dump).toContain("\trequest_terminate_timeout = 9s");
  });

  test.each([
    ["env[A] = $FOO"],
    ["env[A]=${FOO}/x"],
    ["env[A]=${NOPE}"],
    ["env[A] = a b c"],
    ["env[A] = a;b"],
    ['env[A] = "a;b" ; c'],
    ["env[A] = yes"],
    ["env[A] = no"],
    ['env[A]="yes"'],
    ["env[A]=E_ALL & ~E_NOTICE"],
    ["env[A]=1|2"],
    ["env[A]=!1"],
    ["env[A]=(1|2)&3"],
    ['env[A]="a\\"b"'],
    ['env[A]="a\\nb\\\\c"'],
    ["env[A]='x${FOO}y'"],
    ['env[A]=abc"def"'],
    ['env[A]="abc'],
    ["env[A]=a=b"],
    ["env[A]=a{b"],
    ["env[A]=a(b)"],
    ["env[A]=a&b"],
    ["env[A]=x^2"],
    ["env[A]=$pool/x"],
    ["env[A"],
    ["env[]=x"],
    ["env[A]="],
    ["env[A]"],
    ["foo"],
    ["foo=1"],
    ["ping.response = pong!"],
    ["[www"],
    ["[x]y=1"],
    ['env["A"]=x'],
    ["env [A]=x"],
    ["ENV[A]=x"],
    ["PING.response=x"],
    ["# comment"],
    ["#comment=1"],
    ["   ; comment"],
    ["=x"],
    ["yes=1"],
    ["env[A]=foo yes"],
    ['env[A]="a" "b"'],
    ["env[A]='a' 'b'"],
    ["env[A]=$${FOO}"],
    ["env[A]=${FOO"],
    ["env[A]=TRUE1"],
    ["env[${FOO}]=x"],
    ["env[x]y=1"],
    ["env[A]=[x]"],
    ["env[A]=1 2"],
    ["env[A]=E_ALL foo"],
    ["env[B]=1\nenv[A]=2\nenv[B]=3"],
    ["php_flag[x]=on"],
    ["php_flag[x]=0"],
    ["php_flag[x]=2"],
    ['php_flag[x]="off"'],
    ["php_flag[x]="],
    ["php_value[x]="],
    ["php_value[a]=1\nphp_value[a]=2\nphp_flag[c]=1"],
    ["php_value[error_log]=x.log"],
    ["php_admin_value[error_log]=syslog"],
    ["php_value[sendmail_path]=x\nphp_value[include_path]=y"],
    ["catch_workers_output=2"],
    ['catch_workers_output="true"'],
    ["request_terminate_timeout=1m"],
    ["request_terminate_timeout=5x"],
    ["request_terminate_timeout="],
    ["pm.max_requests=1K"],
    ["pm.max_requests=abc"],
    ["listen.backlog=-5"],
    ["listen.mode=0666"],
    ["rlimit_core=unlimited"],
    ["rlimit_core=-4"],
    ["process.priority=50"],
    ["process.priority=-5"],
    ["request_slowlog_timeout=5"],
    ["chdir=/nope"],
    ["chdir=/tmp"],
    ["chroot=/nope"],
    ["prefix=/nope"],
    ["prefix=/tmp\nslowlog=x"],
    ['access.format="%x"'],
    ['access.log=/dev/null\naccess.format="%x"'],
    ["access.suppress_path[]=ping"],
    ["access.suppress_path[x]=/ping"],
    ["access.suppress_path[]=/ping"],
    ["security.limit_extensions="],
    ["security.limit_extensions=.php .x"],
    ["pm.status_path=status"],
    ["pm.status_path=/"],
    ["pm.status_path=/a b"],
    ["pm.status_path=/a~b-c_d.e"],
    ["ping.path=ping"],
    ['ping.path=/p\nping.response=""'],
    ["ping.path=/p"],
    ["listen.setfib=x"],
    ["apparmor_hat=x"],
    ["pm=foo"],
    ["pm=dynamic"],
    ["pm=ondemand\npm.process_idle_timeout=0"],
    ["pm=dynamic\npm.min_spare_servers=1\npm.max_spare_servers=1\npm.max_spawn_rate=0"],
    ["pm=dynamic\npm.min_spare_servers=2\npm.max_spare_servers=9"],
    ["pm=dynamic\npm.max_children=5\npm.min_spare_servers=2\npm.max_spare_servers=4"],
    ["pm=dynamic\npm.max_children=5\npm.min_spare_servers=2\npm.max_spare_servers=4\npm.start_servers=1"],
    ["pm.status_listen=127.0.0.1:9999\npm.status_path=/s"],
    ["[b]\nuser=root\nlisten=127.0.0.1:9999\npm=static\npm.max_children=1"],
    ["slowlog=/dev/null\nrequest_slowlog_timeout=10\nrequest_terminate_timeout=5"],
    ["listen.owner=nosuchuser\nlisten=/tmp/edge.sock"],
    ["include=/nope/a.conf"],
    ["include"],
    ["chroot=x$prefix"],
    ["[global]\nlog_level=foo"],
    ["[global]\nlog_limit=10"],
    ["[global]\nprocess.max=-1"],
    ["[global]\nenv[A]=b"],
    ["[global]\npm=static"],
    ["[global]\nsyslog.facility=foo"],
    ["[global]\nevents.mechanism=foo"],
    ["pid=x"],
  ])("%j", (lines) => {
    const file = write(pool(lines));
    expect(ours(file)).toEqual(theirs(file));
  });

  // Each is a mistake that php-fpm takes for something else.
  test.each([
    ["request_terminate_timeout=1h30m", "60 s"],
    ["request_terminate_timeout=-5", "-5 s"],
    ["request_terminate_timeout=abc9", "0"],
    ["pm.max_requests=-5", "for ever"],
    ["listen.mode=abc", "0"],
    ["listen.allowed_clients=127.0.0.1, localhost", "the first only"],
    ["listen=[::1]", "an address without a port, which fails later"],
    ["listen=70000", "port 4464"],
  ])("%s is refused; php-fpm reads %s", (lines) => {
    const file = write(pool(lines));
    expect(theirs(file)).not.toBe("refused");
    expect(ours(file)).toBe("refused");
  });

  test("blanks inside [ section ] are nobody's wish", () => {
    const file = write(pool("").replace("[www]", "[ www ]"));
    expect(ours(file)).toContain("[www]");
    expect(theirs(file)).toContain("[ www ]");
  });
});
