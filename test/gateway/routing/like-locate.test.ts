import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { locate } from "../../../src/gateway/routing/locate.ts";
import { filesNamed, routerOf } from "./site.ts";

const TREE = [
  "/index.php",
  "/a.txt",
  "/a.jpg",
  "/noindex/x",
  "/html/index.html",
  "/sub/index.php",
  "/dir.php/style.css",
  "/dir.php/real.php",
  "/.env",
  "/.git/config",
  "/.well-known/acme",
  "/x.PHP",
  "/x.phtml",
  "/x.php~",
  "/x.php.bak",
  "/x.inc",
];

const segment = fc.constantFrom(
  ...["index.php", "a.txt", "a.jpg", "noindex", "html", "index.html", "sub", "dir.php", "real.php", "style.css"],
  ...[".env", ".git", "config", ".well-known", "acme", "x.PHP", "x.phtml", "x.php~", "x.php.bak", "x.inc", "nothing"],
);
const path = fc
  .tuple(fc.array(segment, { maxLength: 4 }), fc.boolean())
  .map(([segments, slash]) => `/${segments.join("/")}${slash && segments.length > 0 ? "/" : ""}`);

describe("a configuration without locations", () => {
  test.each([undefined, "/index.php", "/missing.php", "/a.txt"])(
    "does what locate() does, with the front controller %s",
    async (frontController) => {
      const config = frontController === undefined ? {} : { frontController };
      const { go } = routerOf(config, TREE);
      const options = { index: ["index.php", "index.html"], frontController, scriptExtensions: [".php"] };
      await fc.assert(
        fc.asyncProperty(path, async (path) => {
          const expected = await locate(path, filesNamed(TREE), options);
          const { decision } = await go(path);
          if (expected.type === "script") expect(decision).toMatchObject({ type: "script", script: expected.script });
          else if (expected.type === "redirect") {
            expect(decision).toEqual({ type: "redirect", status: 301, location: expected.path });
          } else
            expect(decision).toEqual(expected.type === "file" ? { ...expected, file: expect.anything() } : expected);
        }),
        { numRuns: 500 },
      );
    },
  );
});
