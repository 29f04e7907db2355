import { describe, expect, test } from "vitest";
import { metaVariables, scriptPath } from "../../../src/cgi/index.ts";
import {
  hexId,
  parseTraceparent,
  parseTracestate,
  startTrace,
  traceOf,
  traceparent,
  withTrace,
} from "../../../src/gateway/observe/index.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const SPAN = "b7ad6b7169203331";
const PARENT = `00-${TRACE}-${SPAN}-01`;

describe("traceparent", () => {
  test.each([
    [PARENT, { traceId: TRACE, spanId: SPAN, flags: 1 }],
    [`00-${TRACE}-${SPAN}-00`, { traceId: TRACE, spanId: SPAN, flags: 0 }],
    [`00-${TRACE}-${SPAN}-03`, { traceId: TRACE, spanId: SPAN, flags: 3 }],
    // Unknown flags mean nothing.
    [`00-${TRACE}-${SPAN}-ff`, { traceId: TRACE, spanId: SPAN, flags: 3 }],
    // A later version may have more behind.
    [`01-${TRACE}-${SPAN}-01`, { traceId: TRACE, spanId: SPAN, flags: 1 }],
    [`cc-${TRACE}-${SPAN}-01-what-the-future-will-be-like`, { traceId: TRACE, spanId: SPAN, flags: 1 }],
  ])("%s", (text, context) => {
    expect(parseTraceparent(text)).toEqual(context);
  });

  test.each([
    "",
    "00",
    `ff-${TRACE}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-01-more`,
    `00-${TRACE}-${SPAN}-01.`,
    `cc-${TRACE}-${SPAN}-01.more`,
    `00-${"0".repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${"0".repeat(16)}-01`,
    `00-${TRACE.toUpperCase()}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-0`,
    `00-${TRACE}-${SPAN}-1`,
    `00-${TRACE}-${SPAN}-0g`,
    `0-${TRACE}-${SPAN}-01`,
    `00-${TRACE.slice(1)}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}a-01`,
    `00_${TRACE}_${SPAN}_01`,
    ` ${PARENT}`,
    `${PARENT} `,
    `${PARENT}\n`,
    `${PARENT},${PARENT}`,
  ])("%j is refused", (text) => {
    expect(parseTraceparent(text)).toBeUndefined();
  });

  test("two of them are none", () => {
    expect(
      traceOf([
        ["traceparent", PARENT],
        ["Traceparent", PARENT],
      ]),
    ).toBeUndefined();
  });
});

describe("tracestate", () => {
  test.each([
    [["foo=1"], "foo=1"],
    [["foo=1,bar=2"], "foo=1,bar=2"],
    [["foo=1", "bar=2"], "foo=1,bar=2"],
    [[" foo=1 \t,, bar=2 ,"], "foo=1,bar=2"],
    [["t61rcwkgmze@vendor=x y"], "t61rcwkgmze@vendor=x y"],
    [["a*-_/9=!"], "a*-_/9=!"],
    [[], ""],
    [[""], ""],
  ])("%j is %j", (values, state) => {
    expect(parseTracestate(values)).toBe(state);
  });

  test.each([
    "foo",
    "foo=",
    "=1",
    "Foo=1",
    "1foo=1",
    "foo =1",
    "foo=1=2",
    "foo=1;bar=2\x7f",
    "foo=caf\xe9",
    "foo=1,foo=2",
    "foo@=1",
    "@bar=1",
    "foo@bar@baz=1",
    `${"k".repeat(257)}=1`,
    `foo=${"v".repeat(257)}`,
    Array.from({ length: 33 }, (_, i) => `k${i}=1`).join(","),
  ])("%j is dropped whole", (value) => {
    expect(parseTracestate([value])).toBe("");
  });

  test("32 members are passed on", () => {
    const list = Array.from({ length: 32 }, (_, i) => `k${i}=1`).join(",");
    expect(parseTracestate([list])).toBe(list);
  });

  test("of more than 512 bytes long members go first, then those at the end", () => {
    const short = Array.from({ length: 10 }, (_, i) => `k${i}=${"v".repeat(40)}`);
    const long = `long=${"v".repeat(200)}`;
    expect(parseTracestate([[short[0], long, ...short.slice(1)].join(",")])).toBe(short.join(","));
    const many = Array.from({ length: 20 }, (_, i) => `k${i}=${"v".repeat(40)}`);
    const state = parseTracestate([many.join(",")]);
    expect(state.length).toBeLessThanOrEqual(512);
    expect(many.join(",").startsWith(state)).toBe(true);
  });

  test("a malformed one costs the list and not the trace", () => {
    expect(
      traceOf([
        ["traceparent", PARENT],
        ["tracestate", "FOO"],
      ]),
    ).toMatchObject({ traceId: TRACE, state: "" });
    expect(traceOf([["tracestate", "foo=1"]])).toBeUndefined();
  });
});

describe("what the application is told", () => {
  const vars = (headers: Iterable<readonly [string, string]>) =>
    Object.fromEntries(
      metaVariables({
        method: "GET",
        requestUri: "/",
        queryString: "",
        script: scriptPath("/srv", { scriptName: "/a.php", pathInfo: "" }),
        documentRoot: "/srv",
        headers,
        scheme: "http",
        serverName: "a",
        serverSoftware: "x",
      }).filter(([name]) => name.startsWith("HTTP_")),
    );

  test("is the trace, and the other headers", () => {
    const context = traceOf([
      ["traceparent", PARENT],
      ["tracestate", "foo=1"],
    ]);
    const headers = withTrace(
      [
        ["Accept", "*/*"],
        ["TraceParent", "evil"],
        ["tracestate", "evil"],
      ],
      context,
    );
    expect(vars(headers)).toEqual({ HTTP_ACCEPT: "*/*", HTTP_TRACEPARENT: PARENT, HTTP_TRACESTATE: "foo=1" });
  });

  test("is no trace of a malformed one", () => {
    expect(
      vars(
        withTrace(
          [
            ["traceparent", "evil"],
            ["tracestate", "evil"],
          ],
          undefined,
        ),
      ),
    ).toEqual({});
  });

  test("a new trace has random ids that are never zero", () => {
    let calls = 0;
    const random = (bytes: Uint8Array) => {
      calls++;
      // The first try is all zeros.
      if (calls > 1) bytes.fill(calls);
    };
    const context = startTrace(random);
    expect(traceparent(context)).toBe(`00-${"02".repeat(16)}-${"03".repeat(8)}-03`);
    expect(traceparent(startTrace(random, false))).toMatch(/-02$/);
    expect(parseTraceparent(traceparent(context))).toBeDefined();
    expect(hexId((bytes) => crypto.getRandomValues(bytes), 16)).toMatch(/^[0-9a-f]{32}$/);
  });
});
