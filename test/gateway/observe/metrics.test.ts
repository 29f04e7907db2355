import { describe, expect, test } from "vitest";
import { GatewayMetrics, type MetricsOptions, serverTiming } from "../../../src/gateway/observe/index.ts";
import { entry } from "./entry.ts";
import { parseOpenmetrics } from "./parse-openmetrics.ts";

function samples(metrics: GatewayMetrics, family: string) {
  const found = parseOpenmetrics(metrics.text()).get(`edgefpm_gateway_${family}`);
  if (found === undefined) throw new Error(`no family ${family}`);
  return found.samples;
}

function values(metrics: GatewayMetrics, family: string): Record<string, number> {
  return Object.fromEntries(
    samples(metrics, family).map(({ labels, value }) => [Object.values(labels).join(" "), value]),
  );
}

function metricsOf(entries: readonly Parameters<typeof entry>[0][], options: MetricsOptions = {}): GatewayMetrics {
  const metrics = new GatewayMetrics(options);
  for (const changes of entries) {
    metrics.begin();
    metrics.end(entry(changes));
  }
  return metrics;
}

describe("the gateway's metrics", () => {
  test("are OpenMetrics before anything has happened", () => {
    const families = parseOpenmetrics(new GatewayMetrics().text());
    expect(families.size).toBe(15);
    expect(values(new GatewayMetrics(), "active_requests")).toEqual({ "": 0 });
  });

  test("count requests by location and class, and those under way", () => {
    const metrics = metricsOf([
      { location: "php", status: 200 },
      { location: "php", status: 204 },
      { location: "php", status: 502 },
      { location: "files", status: 404 },
      { status: 999 },
    ]);
    metrics.begin();
    metrics.begin();
    metrics.cancel();
    expect(values(metrics, "requests")).toEqual({ "php 2xx": 2, "php 5xx": 1, "files 4xx": 1, " other": 1 });
    expect(values(metrics, "active_requests")).toEqual({ "": 1 });
  });

  test("sort durations into buckets, ends included", () => {
    const metrics = metricsOf([
      { requestTime: 5 },
      { requestTime: 5.1 },
      { requestTime: 1000 },
      { requestTime: 100_000 },
    ]);
    const buckets = samples(metrics, "request_duration_seconds").filter(({ name }) => name.endsWith("_bucket"));
    const below = Object.fromEntries(buckets.map(({ labels, value }) => [labels.le, value]));
    expect(below).toMatchObject({ "0.005": 1, "0.01": 2, "0.5": 2, "1.0": 3, "60.0": 3, "+Inf": 4 });
    const sum = samples(metrics, "request_duration_seconds").find(({ name }) => name.endsWith("_sum"));
    expect(sum?.value).toBeCloseTo(101.0101, 6);
  });

  test("count bytes, caches, visitors who left and what the server refused", () => {
    const metrics = metricsOf([
      { location: "php", requestLength: 100, bytesSent: 1000, cacheStatus: "HIT" },
      { location: "php", requestLength: 50, bodyBytesSent: 7, cacheStatus: "MISS", aborted: true },
      { location: "php", cacheStatus: "HIT", bodyBytesSent: Number.NaN },
    ]);
    metrics.refused(400);
    metrics.refused(431);
    metrics.refused(400);
    expect(values(metrics, "received_bytes")).toEqual({ php: 150 });
    expect(values(metrics, "sent_bytes")).toEqual({ php: 1007 });
    expect(values(metrics, "cache_requests")).toEqual({ "php HIT": 2, "php MISS": 1 });
    expect(values(metrics, "aborted_requests")).toEqual({ php: 1 });
    expect(values(metrics, "refused_requests")).toEqual({ 400: 2, 431: 1 });
  });

  test("tell of each attempt at a server, and of the servers' states", () => {
    const metrics = metricsOf(
      [
        {
          upstream: [
            { address: "10.0.0.1:9000", error: "EXCHANGE_CONNECT", responseTime: 3 },
            { address: "unix:/x", status: 200, connectTime: 0, headerTime: 4, responseTime: 5 },
          ],
        },
      ],
      {
        upstreams: () => [
          { upstream: "php", server: "unix:/x", state: "up", active: 2, idle: 1 },
          { upstream: "php", server: "10.0.0.1:9000", state: "failed" },
        ],
        waiting: () => ({ php: 3 }),
      },
    );
    expect(values(metrics, "upstream_attempts")).toEqual({ "10.0.0.1:9000 EXCHANGE_CONNECT": 1, "unix:/x 2xx": 1 });
    const counts = samples(metrics, "upstream_header_seconds").filter(({ name }) => name.endsWith("_count"));
    expect(counts).toMatchObject([{ labels: { server: "unix:/x" }, value: 1 }]);
    expect(values(metrics, "upstream_state")).toMatchObject({
      "php unix:/x up": 1,
      "php unix:/x failed": 0,
      "php 10.0.0.1:9000 up": 0,
      "php 10.0.0.1:9000 failed": 1,
    });
    expect(values(metrics, "upstream_connections")).toMatchObject({ "php unix:/x active": 2, "php unix:/x idle": 1 });
    expect(values(metrics, "upstream_waiting")).toEqual({ php: 3 });
  });

  test("escape labels, whatever a location is called", () => {
    const name = 'a"b\\c\nd{e}=,f \xc3\xa9';
    const metrics = metricsOf([{ location: name }]);
    expect(values(metrics, "received_bytes")).toEqual({ 'a"b\\c\nd{e}=,f \u00e9': 0 });
  });

  test("never have more series than allowed, and lose no count", () => {
    const many = Array.from({ length: 5000 }, (_, i) => ({ location: `l${i}`, cacheStatus: "MISS" as const }));
    const metrics = metricsOf(many, { maxSeries: 50 });
    for (const family of ["requests", "received_bytes", "cache_requests"]) {
      expect(samples(metrics, family)).toHaveLength(50);
    }
    const counted = values(metrics, "requests");
    expect(counted["other other"]).toBe(5000 - 49);
    expect(Object.values(counted).reduce((sum, count) => sum + count, 0)).toBe(5000);
  });

  test("two lists of labels that read alike are two series", () => {
    const metrics = metricsOf([
      { location: "a", cacheStatus: "HIT" },
      { location: "a1:H", cacheStatus: "HIT" },
    ]);
    expect(samples(metrics, "cache_requests")).toHaveLength(2);
  });
});

describe("the reader that checks them", () => {
  test.each([
    ["no end", "# TYPE a gauge\na 1\n"],
    ["no type", "# HELP a b\na 1\n# EOF\n"],
    ["a counter without _total", "# TYPE a counter\na 1\n# EOF\n"],
    [
      "a falling bucket",
      '# TYPE a histogram\na_bucket{le="1.0"} 2\na_bucket{le="+Inf"} 1\na_sum 1\na_count 1\n# EOF\n',
    ],
    ["a bad escape", '# TYPE a gauge\na{b="\\x"} 1\n# EOF\n'],
    ["a sample twice", '# TYPE a gauge\na{b="1"} 1\na{b="1"} 1\n# EOF\n'],
    ["a family in two pieces", "# TYPE a gauge\na 1\n# TYPE b gauge\nb 1\n# HELP a x\n# EOF\n"],
    ["an empty line", "# TYPE a gauge\n\na 1\n# EOF\n"],
    ["a unit apart from the name", "# TYPE a gauge\n# UNIT a seconds\na 1\n# EOF\n"],
  ])("refuses %s", (_name, text) => {
    expect(() => parseOpenmetrics(text)).toThrow();
  });
});

describe("Server-Timing", () => {
  test.each([
    [{}, undefined],
    [{ cacheStatus: "HIT", totalTime: 0.4 }, "cache;desc=HIT, total;dur=0.4"],
    [{ upstreamTime: 12.34567, totalTime: 14 }, "upstream;dur=12.346, total;dur=14"],
    [{ connectTime: 1, upstreamTime: 5, attempts: 2 }, 'connect;dur=1, upstream;desc="2 attempts";dur=5'],
    [{ upstreamTime: 5, attempts: 1 }, "upstream;dur=5"],
    [{ totalTime: Number.NaN }, undefined],
    [{ cacheStatus: 'a"b\\c\r\nX: 1' }, 'cache;desc="a\\"b\\\\cX: 1"'],
    [{ traceparent: "00-a-b-01" }, "traceparent;desc=00-a-b-01"],
  ])("%j is %j", (timings, value) => {
    expect(serverTiming(timings)).toBe(value);
  });
});
