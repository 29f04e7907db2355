import fc from "fast-check";
import CachePolicy from "http-cache-semantics";
import { describe, expect, test } from "vitest";
import { type FreshnessRules, freshnessOf } from "../../../src/gateway/cache/freshness.ts";

const NOW = Date.UTC(2026, 0, 1);
const httpDate = (seconds: number) => new Date(NOW + seconds * 1000).toUTCString();

/** Seconds of freshness; `undefined` for what is not stored. */
function lifetime(
  headers: Record<string, string>,
  rules: Partial<FreshnessRules> = {},
  more: { status?: number; authorized?: boolean } = {},
): number | undefined {
  const response = { status: more.status ?? 200, authorized: more.authorized === true, headers };
  const freshness = freshnessOf(response, { revalidate: false, ...rules }, NOW);
  return freshness && (freshness.freshUntil - NOW) / 1000;
}

describe("how long a response is fresh", () => {
  test.each<[string, Record<string, string>, number | undefined]>([
    ["nothing said", {}, undefined],
    ["max-age", { "cache-control": "max-age=60" }, 60],
    ["max-age in other letters", { "cache-control": "Max-Age=60" }, 60],
    ["s-maxage before max-age", { "cache-control": "max-age=60, s-maxage=120" }, 120],
    ["max-age less the age it has", { "cache-control": "max-age=60", age: "20" }, 40],
    ["max-age=0", { "cache-control": "max-age=0" }, undefined],
    ["max-age that is no number", { "cache-control": "max-age=soon" }, undefined],
    ["Expires", { expires: httpDate(90) }, 90],
    ["Expires by the script's own clock", { expires: httpDate(1090), date: httpDate(1000) }, 90],
    ["Expires in the past", { expires: httpDate(-1) }, undefined],
    ["Expires that is no date", { expires: "0" }, undefined],
    ["max-age before Expires", { expires: httpDate(90), "cache-control": "max-age=60" }, 60],
    ["private", { "cache-control": "private, max-age=60" }, undefined],
    ["private for a header", { "cache-control": 'private="x", max-age=60' }, undefined],
    ["No-Store", { "cache-control": "No-Store, max-age=60" }, undefined],
    ["no-cache", { "cache-control": "no-cache, max-age=60" }, undefined],
    ["Pragma", { pragma: "no-cache", expires: httpDate(90) }, undefined],
    ["public alone", { "cache-control": "public" }, undefined],
    ["immutable, which is no time", { "cache-control": "immutable", expires: httpDate(90) }, 90],
    ["proxy-revalidate", { "cache-control": "max-age=60, proxy-revalidate" }, 60],
    ["Set-Cookie", { "cache-control": "public, max-age=60", "set-cookie": "a=1" }, undefined],
    ["Vary: *", { "cache-control": "max-age=60", vary: "Accept, *" }, undefined],
    ["a Vary too long", { "cache-control": "max-age=60", vary: "x".repeat(129) }, undefined],
    ["X-Accel-Expires", { "x-accel-expires": "30" }, 30],
    ["X-Accel-Expires before Cache-Control", { "x-accel-expires": "30", "cache-control": "no-store" }, 30],
    ["X-Accel-Expires: 0", { "x-accel-expires": "0", "cache-control": "max-age=60" }, undefined],
    ["X-Accel-Expires at a time", { "x-accel-expires": `@${NOW / 1000 + 45}` }, 45],
    ["X-Accel-Expires at a time past", { "x-accel-expires": `@${NOW / 1000 - 1}` }, undefined],
    ["X-Accel-Expires that is no number", { "x-accel-expires": "x", "cache-control": "max-age=60" }, 60],
    ["X-Accel-Expires and a cookie", { "x-accel-expires": "30", "set-cookie": "a=1" }, undefined],
  ])("%s", (_name, headers, seconds) => {
    expect(lifetime(headers)).toBe(seconds);
  });

  test.each([
    ["X-Accel-Expires", { "x-accel-expires": "0", "cache-control": "max-age=60" }, 60],
    ["Cache-Control", { "cache-control": "no-store", expires: httpDate(90) }, 90],
    ["Expires", { expires: httpDate(-1) }, 600],
    ["Set-Cookie", { "set-cookie": "a=1", "cache-control": "max-age=60" }, 60],
    ["Vary", { vary: "*", "cache-control": "max-age=60" }, 60],
  ] as const)("%s can be left out of account", (header, headers, seconds) => {
    expect(lifetime(headers, { ignoreHeaders: [header], valid: 600 })).toBe(seconds);
  });

  test("what says nothing itself lasts as long as the operator's table says", () => {
    const rules = { valid: { 200: 600, 404: 10, any: 60, 500: 0 } };
    expect(lifetime({}, rules)).toBe(600);
    expect(lifetime({}, rules, { status: 404 })).toBe(10);
    expect(lifetime({}, rules, { status: 403 })).toBe(60);
    expect(lifetime({}, rules, { status: 500 })).toBeUndefined();
    expect(lifetime({ "cache-control": "max-age=5" }, rules)).toBe(5);
    expect(lifetime({ "cache-control": "private" }, rules)).toBeUndefined();
    expect(lifetime({ "last-modified": httpDate(-1e6) }, {})).toBeUndefined();
  });

  test("a number alone is for 200, 301 and 302", () => {
    const of = (status: number) => lifetime({}, { valid: 300 }, { status });
    expect([of(200), of(301), of(302), of(404)]).toEqual([300, 300, 300, undefined]);
  });

  test("parts and answers to conditions are never stored", () => {
    for (const status of [206, 304]) {
      expect(lifetime({ "cache-control": "max-age=60" }, { valid: { any: 60 } }, { status })).toBeUndefined();
    }
  });

  test("a request with Authorization needs a response that is meant for all", () => {
    const authorized = { authorized: true };
    expect(lifetime({ "cache-control": "max-age=60" }, {}, authorized)).toBeUndefined();
    expect(lifetime({ "x-accel-expires": "60" }, {}, authorized)).toBeUndefined();
    expect(lifetime({ "cache-control": "public, max-age=60" }, {}, authorized)).toBe(60);
    expect(lifetime({ "cache-control": "s-maxage=60" }, {}, authorized)).toBe(60);
  });

  test("what can be confirmed is stored although it is stale from the start", () => {
    const rules = { revalidate: true };
    expect(lifetime({ "cache-control": "no-cache", etag: '"a"' }, rules)).toBe(0);
    expect(lifetime({ "cache-control": "no-cache" }, rules)).toBeUndefined();
    expect(lifetime({ "cache-control": "no-store", etag: '"a"' }, rules)).toBeUndefined();
  });

  test("agrees with http-cache-semantics wherever the response speaks for itself", () => {
    const seconds = fc.integer({ min: 0, max: 100_000 });
    const directives = fc.array(
      fc.oneof(
        seconds.map((n) => `max-age=${n}`),
        seconds.map((n) => `s-maxage=${n}`),
        fc.constantFrom("public", "private", "no-store", "no-cache", "must-revalidate", "immutable", "x-unknown=1"),
      ),
      { maxLength: 4 },
    );
    const headers = fc.record(
      {
        "cache-control": directives.map((list) => list.join(", ")),
        expires: seconds.map((n) => httpDate(n - 50_000)),
        age: seconds.map(String),
        vary: fc.constantFrom("accept", "accept, cookie"),
      },
      { requiredKeys: ["cache-control"] },
    );
    fc.assert(
      fc.property(headers, fc.boolean(), (given, authorized) => {
        const date = httpDate(0);
        const explicit = given.expires !== undefined || /max-?age/.test(given["cache-control"]);
        fc.pre(explicit);
        const policy = new CachePolicy(
          { method: "GET", url: "/", headers: authorized ? { authorization: "x" } : {} },
          { status: 200, headers: { ...given, date } },
          { immutableMinTimeToLive: 0 },
        );
        const expected = policy.storable() ? policy.maxAge() - Number(given.age ?? 0) : 0;
        expect(lifetime(given, {}, { authorized }) ?? 0).toBe(Math.max(0, expected));
      }),
    );
  });
});
