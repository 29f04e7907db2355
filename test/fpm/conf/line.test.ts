// biome-ignore-all lint/suspicious/noTemplateCurlyInString: php-fpm writes references so.

import { describe, expect, test } from "vitest";
import { readLine } from "../../../src/fpm/conf/line.ts";
import { errorLevel } from "../../../src/fpm/conf/value.ts";

const names = {
  variable: (name: string) => ({ FOO: "barvalue" })[name],
  constant: errorLevel,
};
const value = (text: string): string => {
  const line = readLine(`env[A]=${text}`, names);
  return line.type === "array" ? line.value : line.type === "fault" ? `fault: ${line.allowed}` : line.type;
};

// Every row was read off a real php-fpm 8.2 (`php-fpm8.2 -tt`); test/fpm/conf/golden.test.ts asks it again.
describe("values", () => {
  test.each([
    ["a b c", "a b c"],
    ["a\tb", "a\tb"],
    ["a;b", "a"],
    ['"a;b" ; c', "a;b"],
    ['"  a  "  ', "  a  "],
    ['"a" "b"', "ab"],
    ["'a' 'b'", "a b"],
    ['abc"def"', "abcdef"],
    ['"a"b"c"', "abc"],
    ['"a\\"b"', 'a"b'],
    ['"a\\nb\\\\c"', "a\\nb\\c"],
    ["'x${FOO}y'", "x${FOO}y"],
    ["${FOO}/x", "barvalue/x"],
    ["x ${FOO} y", "x barvalue y"],
    ['a"b${FOO}c"d', "abbarvaluecd"],
    ["$${FOO}", "$${FOO}"],
    ["${NOPE}x", "x"],
    ["$FOO", "$FOO"],
    ["a$b", "a$b"],
    ["$", "$"],
    ["yes", "1"],
    [" On ; c", "1"],
    ["None", ""],
    ['"yes"', "yes"],
    ["TRUE1", "TRUE1"],
    ["E_ALL", "32767"],
    ["E_ALL & ~E_NOTICE", "32759"],
    ["E_ALL foo", "32767 foo"],
    ["1|2", "3"],
    ['"1"|"2"', "3"],
    ["12abc|1", "13"],
    ["(1|2)&3", "3"],
    ["!1", "0"],
    ["~1", "-2"],
    ["a&b", "0"],
    ["1+1", "1+1"],
    ["[x]", "[x]"],
    ["a{b", "a{b"],
    ["#x", "#x"],
    ["", ""],
  ])("%j is %j", (text, meaning) => {
    expect(value(text)).toBe(meaning);
  });

  test.each([
    ['"abc'],
    ["'a"],
    ["a=b"],
    ["a(b)"],
    ["pong!"],
    ["${FOO"],
    ["${}"],
    ["yes foo"],
    ["foo yes"],
    ["a~b"],
    ["!"],
    ["("],
    [`${"!".repeat(10_000)}1`],
  ])("%j is refused", (text) => {
    expect(value(text)).toMatch(/^fault: ./);
  });
});

describe("lines", () => {
  test.each([
    ["", { type: "blank" }],
    ["   ; c", { type: "blank" }],
    ["[www]  ; c", { type: "section", name: "www" }],
    ['["www"]', { type: "section", name: "www" }],
    ["[${FOO}]", { type: "section", name: "barvalue" }],
    ["  pm = static\r", { type: "entry", name: "pm", value: "static" }],
    ["a b=c", { type: "entry", name: "a b", value: "c" }],
    ["env [A] = x", { type: "array", name: "env", key: "A", value: "x" }],
    ["env['A']=x", { type: "array", name: "env", key: "A", value: "x" }],
    ["env[${FOO}]=x", { type: "array", name: "env", key: "barvalue", value: "x" }],
    ["p[]=/x", { type: "array", name: "p", key: "", value: "/x" }],
  ])("%j says %j", (text, said) => {
    expect(readLine(text, names)).toEqual(said);
  });

  test.each([["# comment"], ["#a=1"], ["[www"], ["[www] x"], ["env[A"], ["env[A]"], ["env[x]y=1"], ["pm"], ["=x"]])(
    "%j is refused",
    (text) => {
      expect(readLine(text, names)).toMatchObject({ type: "fault", text });
    },
  );

  test("the words of switches are no names", () => {
    expect(readLine("yes = 1", names).type).toBe("fault");
  });
});
