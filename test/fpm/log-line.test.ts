import { describe, expect, test } from "vitest";
import { type LogRecord, logLine, saidOfStderr, workerOutput } from "../../src/fpm/index.ts";

const AT = new Date(2026, 10, 23, 0, 40, 1, 50).getTime() + 0.25;

function record(changes: Partial<LogRecord> = {}): LogRecord {
  return { level: "notice", message: "ready to handle connections", fields: {}, ...changes };
}

describe("error_log", () => {
  test("has php-fpm's lines", () => {
    expect(logLine(record(), AT)).toBe("[23-Nov-2026 00:40:01] NOTICE: ready to handle connections\n");
    expect(logLine(record({ level: "warning" }), AT)).toContain("] WARNING: ready");
  });

  test("leaves out what is less pressing than log_level", () => {
    expect(logLine(record({ level: "debug" }), AT)).toBeUndefined();
    expect(logLine(record(), AT, { level: "warning" })).toBeUndefined();
    expect(logLine(record({ level: "alert" }), AT, { level: "error" })).toContain("ALERT");
  });

  test("tells more at the level debug", () => {
    expect(logLine(record(), AT, { level: "debug", pid: 7 })).toBe(
      "[23-Nov-2026 00:40:01.050250] NOTICE: pid 7, ready to handle connections\n",
    );
  });

  test("cuts a line at log_limit", () => {
    const line = logLine(record({ message: "x".repeat(2000) }), AT, { limit: 512 });
    expect(line).toHaveLength(512);
    expect(line?.endsWith("xxx...\n")).toBe(true);
  });

  test("keeps a message to its line", () => {
    expect(logLine(record({ message: "a\n[fake]\u0000" }), AT)).toBe("[23-Nov-2026 00:40:01] NOTICE: a.[fake].\n");
  });
});

describe("what children say", () => {
  function said(text: string, decorate?: boolean): string[] {
    const lines: string[] = [];
    workerOutput((line) => lines.push(logLine(line, AT) ?? ""), { pool: "www", decorate })(12, "stderr", text);
    return lines;
  }
  const before = '[23-Nov-2026 00:40:01] WARNING: [pool www] child 12 said into stderr: "';

  test("stands in the log line by line, with the child", () => {
    expect(said('a "b"\n\nc\n')).toEqual([`${before}a "b""\n`, `${before}"\n`, `${before}c"\n`]);
  });

  test("is wrapped at log_limit, each line with the child, as php-fpm does it", () => {
    const [line = ""] = said("x".repeat(3000));
    const lines = line.split("\n").slice(0, -1);
    // Lengths seen in the log of php-fpm 8.2 for the same line.
    const room = 1024 - 1 - before.length - 1;
    expect(lines.map(({ length }) => length)).toEqual([1023, 1023, 1023, before.length + (3000 - 3 * room) + 1]);
    for (const each of lines) expect(each.startsWith(before) && each.endsWith('x"')).toBe(true);
  });

  test("stands alone with decorate_workers_output = no", () => {
    expect(said("a\nb", false)).toEqual(["a\n", "b\n"]);
  });

  test.each([
    ["PHP message: x", "NOTICE: PHP message: x"],
    ["; PHP message: x", "NOTICE: PHP message: x"],
    ["Access to the script '/a' has been denied", "NOTICE: Access to the script '/a' has been denied"],
    ["from the script itself\n", "from the script itself\n"],
    ["Primary script unknown", undefined],
  ])("takes %j from STDERR as %j", (text, expected) => {
    expect(saidOfStderr(text)).toBe(expected);
  });
});
