// php.ini's grammar, as PHP reads it: each row was checked with real PHP 8.2 (parse_ini_string and .user.ini).

import { describe, expect, test } from "vitest";
import { parseIniText } from "../../src/php/ini-text.ts";

const value = (text: string, variables: Record<string, string> = {}) =>
  parseIniText(`name = ${text}\n`, (name) => variables[name] ?? "")[0]?.value;

describe("a value", () => {
  test.each([
    ["bare", "bare"],
    ["two words", "two words"],
    ["128M ; comment", "128M"],
    ["On", "1"],
    ["yes", "1"],
    ["off", ""],
    ["None", ""],
    ["null", ""],
    ['"quoted; text = here"', "quoted; text = here"],
    [`'single "quoted"'`, 'single "quoted"'],
    ['"a \\"quote\\" and \\\\ and \\n"', 'a "quote" and \\ and \\n'],
    ["E_ALL & ~E_NOTICE", "32759"],
    ["E_ERROR|E_PARSE", "5"],
    ["!1", "0"],
    ["(1|2)^3", "0"],
    ["E_ALL", "32767"],
    ["UNKNOWN_CONSTANT", "UNKNOWN_CONSTANT"],
    ["/path/to:/other", "/path/to:/other"],
    ['"a" "b"', "ab"],
    ["a 'b'", "a b"],
    ["", ""],
    ["-1", "-1"],
    ["$dollar", "$dollar"],
    ["&", undefined],
    ["1 |", undefined],
    ['""', ""],
    ["; nothing", ""],
  ])("%s is %j", (text, wanted) => {
    expect(value(text)).toBe(wanted);
  });

  test("names variables, bare and in double quotes, not in single ones", () => {
    expect(value(`\${HOME}/x`, { HOME: "/home/a" })).toBe("/home/a/x");
    expect(value(`"\${HOME}/x"`, { HOME: "/home/a" })).toBe("/home/a/x");
    expect(value(`'\${HOME}/x'`, { HOME: "/home/a" })).toBe(`\${HOME}/x`);
  });
});

describe("a text", () => {
  test("has comments, sections, empty lines and any line end", () => {
    expect(parseIniText("; c\r\n[PHP]\r\na=1\r\n\r\n b = 2 ; x\nc\n[PATH=/x]\nd=4\n[other]\ne=5")).toEqual([
      { name: "a", value: "1" },
      { name: "b", value: "2" },
      { name: "e", value: "5" },
    ]);
  });

  test("leaves arrays out, and ends where PHP could not read on", () => {
    expect(parseIniText('a=1\nb[]=2\nc=3\nd="open\ne=5')).toEqual([
      { name: "a", value: "1" },
      { name: "c", value: "3" },
    ]);
  });

  test.each(["", "=", "[", "(", "a=(", 'a="', "a='", "\0", "a=\0b", "${", "a=${", "~~~~", "a=~", "]", "a=|"])(
    "%j comes to an end",
    (text) => {
      expect(parseIniText(text.repeat(50)).length).toBeLessThan(60);
    },
  );
});
