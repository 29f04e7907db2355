import { describe, expect, test } from "vitest";
import { logFormat } from "../../../src/gateway/observe/index.ts";
import { entry } from "./entry.ts";

/** Everything that could end a line, a field, or a terminal's patience. */
const HOSTILE = 'a"b\\c\r\nd\te\x1b[2Jf\0g\x7fh\xe9i\xc3\xa9j';

describe("log formats", () => {
  test("unknown variables are refused when the format is compiled, with the nearest name", () => {
    expect(() => logFormat("$remote_adr x")).toThrow(
      "There is no variable $remote_adr in a log format; did you mean $remote_addr?",
    );
    expect(() => logFormat("$upstream_time x")).toThrow(/\$upstream_\w+\?/);
    expect(() => logFormat("$qqqqqqqqqqqq x")).toThrow(/format$/);
    expect(() => logFormat("$http_ x")).toThrow("$http_");
    expect(() => logFormat("$__proto__ x")).toThrow(expect.objectContaining({ code: "LOG_FORMAT" }));
    expect(() => logFormat("$constructor x")).toThrow("$constructor");
  });

  test("a name that no format has is refused", () => {
    expect(() => logFormat("combine")).toThrow(/common, combined and json/);
  });

  test("a lone dollar is refused, two are one, braces end a name", () => {
    expect(() => logFormat("costs 5$ each")).toThrow("$$");
    const braces = "{status}";
    expect(logFormat(`$$5 $${braces}00`)(entry())).toBe("$5 20000");
  });

  test.each(["default", "none", "json"] as const)("no value ends the line (escape %s)", (escaping) => {
    const line = logFormat(
      "[$http_user_agent] [$remote_user] [$request]",
      escaping,
    )(entry({ requestHeaders: [["User-Agent", HOSTILE]], remoteUser: HOSTILE, target: `/${HOSTILE}` }));
    expect(line).not.toMatch(/[\r\n\u2028\u2029]/);
  });

  test("by default a line is plain ASCII", () => {
    const line = logFormat('"$http_user_agent"')(entry({ requestHeaders: [["User-Agent", HOSTILE]] }));
    expect(line).toBe('"a\\x22b\\x5Cc\\x0D\\x0Ad\\x09e\\x1B[2Jf\\x00g\\x7Fh\\xE9i\\xC3\\xA9j"');
  });

  test("JSON is an object a line, whatever came", () => {
    const line = logFormat("json")(
      entry({
        requestHeaders: [["user-agent", HOSTILE]],
        method: '"',
        remoteUser: HOSTILE,
        cacheStatus: "HIT",
        traceId: "0af7651916cd43dd8448eb211c80319c",
        upstream: [{ address: "unix:/run/php.sock", status: 200, headerTime: 3.2, responseTime: 9.9 }],
        aborted: true,
      }),
    );
    expect(line).not.toMatch(/[\r\n]/);
    expect(JSON.parse(line)).toMatchObject({
      method: '"',
      user_agent: 'a"b\\c\r\nd\te\x1b[2Jf\0g\x7fh\ufffdi\u00e9j',
      cache: "HIT",
      trace_id: "0af7651916cd43dd8448eb211c80319c",
      request_time: 0.012,
      upstream: [{ addr: "unix:/run/php.sock", status: 200, header_time: 0.003, response_time: 0.01 }],
      aborted: true,
    });
    expect(JSON.parse(line)).not.toHaveProperty("referer");
  });

  test("several attempts stand in nginx's punctuation, with hyphens for what did not happen", () => {
    const upstream = [
      { address: "10.0.0.1:9000", responseTime: 1000 },
      { address: "10.0.0.2:9000", status: 200, connectTime: 0, headerTime: 4, responseTime: 5 },
      { address: "unix:/x", status: 404, connectTime: 1, headerTime: 2, responseTime: 3, redirected: true },
    ];
    const line = logFormat(
      "$upstream_addr|$upstream_status|$upstream_connect_time|$upstream_header_time|$upstream_response_time",
    );
    expect(line(entry({ upstream }))).toBe(
      "10.0.0.1:9000, 10.0.0.2:9000 : unix:/x|-, 200 : 404|-, 0.000 : 0.001|-, 0.004 : 0.002|1.000, 0.005 : 0.003",
    );
    expect(line(entry())).toBe("-|-|-|-|-");
  });

  test("times follow the machine's zone", () => {
    // vitest runs in one zone; the offset is checked against Date itself.
    const line = logFormat("$time_iso8601 $msec")(entry());
    const [iso = "", msec] = line.split(" ");
    expect(Date.parse(iso)).toBe(Date.UTC(2026, 0, 2, 3, 4, 5));
    expect(msec).toBe("1767323045.678");
    const local = logFormat("[$time_local]")(entry());
    expect(local).toMatch(/^\[\d\d\/Jan\/2026:\d\d:\d\d:05 [+-]\d{4}\]$/);
  });

  test("what nobody knows is a hyphen", () => {
    expect(logFormat("$remote_user $trace_id $location_name $error_code $request_id $remote_port")(entry())).toBe(
      "- - - - - -",
    );
    expect(logFormat("$trace_id $location_name")(entry({ traceId: "ab", location: "php" }))).toBe("ab php");
  });
});
