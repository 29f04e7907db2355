import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { AccessFormatError, type AccessRecord, compileAccessFormat } from "../../src/fpm/access-format.ts";
import { AccessLog } from "../../src/fpm/access-log.ts";
import { describePeers, peerPath } from "../peers/peer.ts";
import { Program } from "../peers/program.ts";
import { makeScratch } from "../peers/scratch.ts";
import { request } from "./fakes.ts";

const AT = new Date(2026, 10, 23, 0, 40, 1).getTime();

function record(changes: Partial<AccessRecord> = {}): AccessRecord {
  return {
    pool: "www",
    pid: 12,
    masterPid: 7,
    request: request({
      method: "POST",
      uri: "/a.php",
      query: "b=1",
      script: "/srv/a.php",
      user: "ann",
      contentLength: 9,
    }),
    remote: "10.0.0.1",
    acceptedAt: AT,
    endedAt: AT + 1234.5678,
    cpu: 12.345,
    memory: 3 * 1024 * 1024 + 5,
    status: 201,
    bytes: 99,
    header: (name) => (name.toLowerCase() === "x-foo" ? "bar" : undefined),
    param: (name) => (name === "REMOTE_ADDR" ? "1.2.3.4" : undefined),
    ...changes,
  };
}

describe("access.format", () => {
  test.each([
    ["%%", "%"],
    ["100%% sure", "100% sure"],
    ["%C", "12.35"],
    ["%{user}C %{SYSTEM}C %{total}C", "12.35 12.35 12.35"],
    ["%d", "1.235"],
    ["%{seconds}d %{}d", "1.235 1.235"],
    ["%{mili}d %{milli}d %{milliseconds}d", "1234.568 1234.568 1234.568"],
    ["%{micro}d %{MicroSeconds}d", "1234568 1234568"],
    ["%{REMOTE_ADDR}e %{NOPE}e", "1.2.3.4 -"],
    ["%f", "/srv/a.php"],
    ["%l", "9"],
    ["%m", "POST"],
    ["%M %{bytes}M", "3145733 3145733"],
    ["%{kilo}M %{kilobytes}M %{mega}M %{megabytes}M", "3072 3072 3 3"],
    ["%n", "www"],
    ["%{X-Foo}o %{Nope}o", "bar -"],
    ["%p %P", "12 7"],
    ["%r%Q%q", "/a.php?b=1"],
    ["%R", "10.0.0.1"],
    ["%s", "201"],
    ["%{%Y-%m-%d %H:%M:%S}t", "2026-11-23 00:40:01"],
    ["%{%S}T", "02"],
    ["%u", "ann"],
    ["%", ""],
    ["a%", "a"],
    ["%{x}{kilo}M", "3072"],
    ["", ""],
  ])("writes %s as %s", (format, line) => {
    expect(compileAccessFormat(format)(record())).toBe(line);
  });

  test("writes times as php-fpm's status page does", () => {
    expect(compileAccessFormat("%t %T")(record())).toMatch(
      /^23\/Nov\/2026:00:40:01 [+-]\d{4} 23\/Nov\/2026:00:40:02 [+-]\d{4}$/,
    );
  });

  test("shows what is not known as php-fpm does", () => {
    const unknown = record({
      request: request({ method: "", uri: "", script: "" }),
      remote: "",
      cpu: undefined,
      memory: undefined,
    });
    expect(compileAccessFormat("%m|%r|%f|%q|%Q|%u|%R|%C|%M")(unknown)).toBe("-||-||||-|0.00|0");
  });

  test("keeps a request from forging lines, and a line from growing without end", () => {
    const hostile = record({ request: request({ uri: `/\n[fake]\u0000\u007f${"x".repeat(20_000)}` }) });
    const line = compileAccessFormat("%r")(hostile);
    expect(line.startsWith("/\\x0A[fake]\\x00\\x7Fxxx")).toBe(true);
    expect(line.length).toBeLessThan(9_000);
  });

  test.each([
    ["%s %z", 3, "%z", "%C"],
    ["%{foo}d", 0, "%{foo}d", "milliseconds"],
    ["%{x}C", 0, "%{x}C", "total, user or system"],
    ["%{giga}M", 0, "%{giga}M", "kilobytes"],
    ["ab %{x}s", 3, "%{x}s", "without braces"],
    ["%e", 0, "%e", "the name of a param"],
    ["%o", 0, "%o", "the name of a response header"],
    ["%{}e", 0, "%e", "the name of a param"],
    ["ab%{abc", 3, "never closed", "%{...}"],
    ["%{abc}", 0, "the end after a brace", "%C"],
  ])("refuses %s and says where and what is allowed", (format, position, seen, allowed) => {
    let error: unknown;
    try {
      compileAccessFormat(format);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(AccessFormatError);
    expect(error).toMatchObject({ code: "CONFIG_ACCESS_FORMAT", position });
    const { message } = error as AccessFormatError;
    expect(message).toContain(`at character ${position + 1}`);
    expect(message).toContain(seen);
    expect(message.slice(message.indexOf("allowed"))).toContain(allowed);
  });
});

describe("the access log", () => {
  function logged(changes: Partial<AccessRecord>): number {
    const lines: string[] = [];
    new AccessLog({ suppressPaths: ["/ping"], write: (line) => lines.push(line) }).log(record(changes));
    return lines.length;
  }
  const ping = request({ uri: "/ping" });

  test.each([
    ["a plain GET", { request: ping, status: 200 }, 0],
    ["a HEAD", { request: { ...ping, method: "HEAD" }, status: 204 }, 0],
    ["another path", { request: { ...ping, uri: "/ping/" }, status: 200 }, 1],
    ["a POST", { request: { ...ping, method: "POST" }, status: 200 }, 1],
    ["a body", { request: { ...ping, contentLength: 1 }, status: 200 }, 1],
    ["a query", { request: { ...ping, query: "a" }, status: 200 }, 1],
    ["a failure", { request: ping, status: 404 }, 1],
  ])("with a suppressed path: %s", (_what, changes, lines) => {
    expect(logged(changes)).toBe(lines);
  });

  test("has php-fpm's format when none is given", () => {
    const lines: string[] = [];
    new AccessLog({ write: (line) => lines.push(line) }).log(record());
    expect(lines[0]).toMatch(/^10\.0\.0\.1 - ann 23\/Nov\/2026:00:40:01 [+-]\d{4} "POST \/a\.php" 201$/);
  });
});

const JUDGED = [
  ..."%CdefFlmMnopPqQrRstTuAZz".split("").map((letter) => `%${letter}`),
  ..."%CdefFlmMnopPqQrRstTuAZz".split("").map((letter) => `%{milli}${letter}`),
  ..."CdeMotT".split("").map((letter) => `%{}${letter}`),
  "%{total}C",
  "%{seconds}d",
  "%{miliseconds}d",
  "%{microseconds}d",
  "%{kilobytes}M",
  "%{MEGA}M",
  "a%",
  "%{abc",
  "%{abc}",
  "%{a}{b}e",
  "%%%m%%",
  "plain",
];

describePeers(["php-fpm8.2"], "beside php-fpm -t", () => {
  test("accepts and refuses what it does", { timeout: 60_000 }, async () => {
    const scratch = makeScratch("access-format");
    const ours: Record<string, boolean> = {};
    const real: Record<string, boolean> = {};
    try {
      for (const format of JUDGED) {
        const file = join(scratch.path, "fpm.conf");
        const lines = ["[global]", `error_log = ${scratch.path}/error.log`, "[www]", "user = root", "pm = static"];
        lines.push(`listen = ${scratch.path}/s.sock`, "pm.max_children = 1", `access.log = ${scratch.path}/access.log`);
        writeFileSync(file, [...lines, `access.format = "${format}"`, ""].join("\n"));
        const program = new Program(peerPath("php-fpm8.2"), ["-t", "-R", "-y", file]);
        real[format] = (await program.exited).code === 0;
        try {
          compileAccessFormat(format);
          ours[format] = true;
        } catch {
          ours[format] = false;
        }
      }
    } finally {
      scratch.remove();
    }
    expect(ours).toEqual(real);
  });
});
