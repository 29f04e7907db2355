// Cookies of an application in the page.

import { expect, test } from "vitest";
import { CookieJar } from "../../playground/ui/views/site/cookie-jar.ts";

const NOW = Date.parse("2026-01-01T00:00:00Z");

/** The header of a request after these Set-Cookie headers, of answers to `/site/a/b`. */
function sent(headers: readonly string[], path: string, now = NOW): string | undefined {
  const jar = new CookieJar("test");
  for (const header of headers) jar.take(header, "/site/a/b", NOW);
  return jar.header(path, now);
}

test.each([
  ["goes to its own folder when it names no path", ["n=1"], "/site/a/c", "n=1"],
  ["and to no other", ["n=1"], "/site/ab", undefined],
  ["goes to the path that it names", ["n=1; Path=/site/"], "/site/x", "n=1"],
  ["and to none that only begins like it", ["n=1; path=/site/adm"], "/site/admin", undefined],
  ["is replaced by one of the same name and path", ["n=1; Path=/", "n=2; Path=/"], "/", "n=2"],
  [
    "is not replaced by one of another path, and the longer path comes first",
    ["n=1; Path=/", "n=2; Path=/site"],
    "/site",
    "n=2; n=1",
  ],
  [
    "is removed by a time that is over",
    ["n=1; Path=/", "n=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT"],
    "/",
    undefined,
  ],
  [
    "believes Max-Age rather than Expires",
    ["n=1; Path=/; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT"],
    "/",
    "n=1",
  ],
  ["keeps equals signs in its value", ["n=a=b; Path=/; HttpOnly; SameSite=Lax"], "/", "n=a=b"],
  ["without a name is none", ["=1; Path=/", "alone"], "/", undefined],
] as const)("a cookie %s", (_, headers, path, expected) => {
  expect(sent(headers, path)).toBe(expected);
});

test("a cookie is gone when its time is over", () => {
  expect(sent(["n=1; Path=/; Max-Age=60"], "/", NOW + 59_000)).toBe("n=1");
  expect(sent(["n=1; Path=/; Max-Age=60"], "/", NOW + 60_000)).toBeUndefined();
});

test("cookies are bounded: 180 of them, 4096 characters each", () => {
  const many = Array.from({ length: 300 }, (_, at) => `n${at}=1; Path=/`);
  expect(sent(many, "/")?.split("; ")).toHaveLength(180);
  expect(sent([`n=${"x".repeat(5000)}; Path=/`], "/")).toBeUndefined();
});
