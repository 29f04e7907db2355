import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodePath, encodePath, isUtf8, latin1, scriptPath, splitScript, toByteString } from "../../src/cgi/index.ts";

const badPath = expect.objectContaining({ name: "CgiError", code: "CGI_BAD_PATH" });

describe("decodePath", () => {
  test.each([
    ["/", "/"],
    ["/a/b.php", "/a/b.php"],
    ["/a%20b", "/a b"],
    ["/%61%2Ephp", "/a.php"],
    ["/a%2fb", "/a/b"],
    ["//a///b//", "/a/b/"],
    ["/%25zz", "/%zz"],
    ["/%c3%A9", "/\u00c3\u00a9"],
    ["/\u00c3\u00a9", "/\u00c3\u00a9"],
    ["/a..b/...", "/a..b/..."],
    ["/a%3Fb", "/a?b"],
  ])("reads %j as %j", (raw, path) => {
    expect(decodePath(raw)).toBe(path);
  });

  test.each([
    ["nothing", ""],
    ["no slash at the beginning", "a/b"],
    ["an asterisk", "*"],
    ["a NUL", "/a%00.php"],
    ["a raw NUL", "/a\0.php"],
    ["a line feed (CVE-2019-11043)", "/index.php%0Aa"],
    ["a carriage return", "/a%0db"],
    ["DEL", "/a%7f"],
    ["a backslash", "/..%5c..%5cetc"],
    ["a raw backslash", "/a\\b"],
    ["half an escape", "/a%"],
    ["half an escape with a digit", "/a%2"],
    ["an escape that is not hexadecimal", "/a%zz"],
    ["an escape with a sign", "/a%+1"],
    ["a dot segment", "/a/./b"],
    ["two dots", "/../etc/passwd"],
    ["two dots at the end", "/a/.."],
    ["two encoded dots", "/%2e%2e/etc/passwd"],
    ["half-encoded dots", "/.%2E/etc"],
    ["dots and an encoded slash", "/a/..%2fb"],
    ["dots behind joined slashes", "/a//..//b"],
    ["an overlong slash", "/..%c0%af.."],
    ["an overlong dot", "/%c0%ae%c0%ae/"],
    ["an overlong dot of three bytes", "/%e0%80%ae/"],
    ["Latin-1", "/caf%e9"],
    ["half a character", "/a%c3"],
    ["a surrogate", "/%ed%a0%80"],
    ["more than Unicode has", "/%f4%90%80%80"],
    ["a character above 255", "/\u20ac"],
  ])("refuses %s", (_what, raw) => {
    expect(() => decodePath(raw)).toThrow(badPath);
  });

  test("gives back what encodePath wrote, for every path it accepts", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        let path: string;
        try {
          path = decodePath(`/${encodePath(toByteString(text.toWellFormed()))}`);
        } catch (error) {
          expect(error).toEqual(badPath);
          return;
        }
        expect(decodePath(encodePath(path))).toBe(path);
        expect(path).not.toMatch(/\/\.\.?(\/|$)/);
      }),
    );
  });

  test("never returns a path that climbs, whatever the bytes", () => {
    const piece = fc.constantFrom("%2e", ".", "/", "%2f", "%5c", "\\", "%00", "%c0%ae", "a", "%", "2e", "%252e");
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
        try {
          expect(decodePath(`/${pieces.join("")}`)).not.toMatch(/(^|\/)\.\.?(\/|$)|\\|\0/);
        } catch (error) {
          expect(error).toEqual(badPath);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe("splitScript", () => {
  test.each([
    ["/index.php", [["/index.php", ""]]],
    ["/a/b.php/x/y", [["/a/b.php", "/x/y"]]],
    ["/b.php/", [["/b.php", "/"]]],
    [
      "/a.php/b.php",
      [
        ["/a.php", "/b.php"],
        ["/a.php/b.php", ""],
      ],
    ],
    ["/a.jpg/x.php", [["/a.jpg/x.php", ""]]],
    ["/.php", [["/.php", ""]]],
    ["/x.PHP", []],
    ["/x.phpx", []],
    ["/x.php.", []],
    ["/x.php ", []],
    ["/x.php::$DATA", []],
    ["/", []],
  ])("cuts %s", (path, splits) => {
    expect(splitScript(path).map((split) => [split.scriptName, split.pathInfo])).toEqual(splits);
  });

  test("finds its place by bytes: letters whose lower case is longer move nothing (CVE-2026-27590)", () => {
    const path = `/${toByteString("\u0130\u0130\u0130")}.php/x.txt`;
    expect(splitScript(path)).toEqual([{ scriptName: path.slice(0, -6), pathInfo: "/x.txt" }]);
  });

  test("knows the extensions it was told", () => {
    expect(splitScript("/a.phtml/x.php", [".phtml"])).toEqual([{ scriptName: "/a.phtml", pathInfo: "/x.php" }]);
  });
});

describe("scriptPath", () => {
  test("names the file, and the translated path only beside path info", () => {
    expect(scriptPath("/srv/www/", { scriptName: "/a.php", pathInfo: "" })).toEqual({
      scriptName: "/a.php",
      pathInfo: "",
      scriptFilename: "/srv/www/a.php",
    });
    expect(scriptPath("/srv/www", { scriptName: "/a.php", pathInfo: "/x" }).pathTranslated).toBe("/srv/www/x");
  });
});

describe("byte strings", () => {
  test("isUtf8 agrees with the platform's decoder", () => {
    const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 6 }), (bytes) => {
        let valid = true;
        try {
          decoder.decode(bytes);
        } catch {
          valid = false;
        }
        expect(isUtf8(latin1(bytes, 0))).toBe(valid);
      }),
      { numRuns: 5000 },
    );
  });

  test("latin1 reads any number of bytes, of a subarray too", () => {
    const bytes = Uint8Array.from({ length: 20000 }, (_, i) => i & 255);
    const text = latin1(bytes.subarray(3), 2, 19000);
    expect(text.length).toBe(18998);
    expect(text.charCodeAt(0)).toBe(5);
    expect(text.charCodeAt(18997)).toBe(bytes[3 + 18999]);
  });
});
