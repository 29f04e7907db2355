import { type Context, context, ROOT_CONTEXT, type Span, type SpanOptions, trace } from "@opentelemetry/api";
import { afterEach, describe, expect, test } from "vitest";
import { createTracing, type TracedRequest, traceparent } from "../../../src/gateway/observe/index.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const PARENT = "b7ad6b7169203331";

interface Recorded {
  name: string;
  kind: number | undefined;
  traceId: string;
  spanId: string;
  parentId: string | undefined;
  remoteParent: boolean | undefined;
  attributes: Record<string, unknown>;
  status: unknown;
  ended: number;
}

/** A provider that keeps its spans: what a program has that records traces, as small as the API allows. */
function recorder() {
  const spans: Recorded[] = [];
  const startSpan = (name: string, options: SpanOptions = {}, parent: Context = ROOT_CONTEXT): Span => {
    const above = options.root === true ? undefined : trace.getSpanContext(parent);
    const span: Recorded = {
      name,
      kind: options.kind,
      traceId: above?.traceId ?? "1".repeat(32),
      spanId: String(spans.length + 1).padStart(16, "0"),
      parentId: above?.spanId,
      remoteParent: above?.isRemote,
      attributes: { ...options.attributes },
      status: undefined,
      ended: 0,
    };
    spans.push(span);
    const made: Span = {
      spanContext: () => ({
        traceId: span.traceId,
        spanId: span.spanId,
        traceFlags: above?.traceFlags ?? 1,
        ...(above?.traceState !== undefined && { traceState: above.traceState }),
      }),
      setAttribute(key, value) {
        span.attributes[key] = value;
        return made;
      },
      setAttributes: () => made,
      addEvent: () => made,
      addLink: () => made,
      addLinks: () => made,
      setStatus(status) {
        span.status = status;
        return made;
      },
      updateName(text) {
        span.name = text;
        return made;
      },
      end() {
        span.ended++;
      },
      isRecording: () => true,
      recordException() {},
    };
    return made;
  };
  const tracer = { startSpan, startActiveSpan: () => undefined as never };
  return { spans, tracer, provider: { getTracer: () => tracer } };
}

const request = (changes: Partial<TracedRequest> = {}): TracedRequest => ({
  method: "GET",
  target: "/shop/42?q=1",
  headers: [["User-Agent", "curl/8"]],
  scheme: "https",
  protocol: "HTTP/1.1",
  host: "site.test",
  port: 443,
  clientAddress: "203.0.113.7",
  peerAddress: "10.0.0.1",
  peerPort: 5000,
  ...changes,
});
const asked = [
  ["traceparent", `00-${TRACE}-${PARENT}-01`],
  ["tracestate", "vendor=1"],
] as const;

afterEach(() => {
  trace.disable();
  context.disable();
});

describe("without a tracer", () => {
  test("a trace is passed on as it came", () => {
    const tracing = createTracing().begin(request({ headers: asked }));
    const { context: told } = tracing.exchange({ address: "unix:/x", role: "responder" });
    expect(told).toEqual({ traceId: TRACE, spanId: PARENT, flags: 1, state: "vendor=1" });
    expect(tracing.context).toEqual(told);
    tracing.end({ status: 200 });
  });

  test("a new one begins, unless that is not wanted", () => {
    const random = (bytes: Uint8Array) => bytes.fill(7);
    const of = (start: "sampled" | "unsampled" | "never") => createTracing({ start, random }).begin(request()).context;
    expect(of("sampled")).toEqual({ traceId: "07".repeat(16), spanId: "07".repeat(8), flags: 3, state: "" });
    expect(of("unsampled")?.flags).toBe(2);
    expect(of("never")).toBeUndefined();
    expect(createTracing().begin(request()).context?.traceId).toMatch(/^[0-9a-f]{32}$/);
  });
});

describe("with a provider registered with @opentelemetry/api", () => {
  test("a request is a server span below the visitor's, an exchange a client span below that", () => {
    const { spans, provider } = recorder();
    // Made before the provider is there, as in a program that starts both.
    const tracing = createTracing();
    expect(trace.setGlobalTracerProvider(provider)).toBe(true);
    const begun = tracing.begin(request({ headers: [...request().headers, ...asked] }));
    const exchange = begun.exchange({ address: "unix:/run/php.sock", role: "responder", scriptName: "/index.php" });
    expect(exchange.context).toEqual({ traceId: TRACE, spanId: "0000000000000002", flags: 1, state: "vendor=1" });
    exchange.end({ status: 200 });
    begun.end({ status: 200, location: "php" });

    expect(spans).toEqual([
      {
        name: "GET php",
        kind: 1,
        traceId: TRACE,
        spanId: "0000000000000001",
        parentId: PARENT,
        remoteParent: true,
        attributes: {
          "http.request.method": "GET",
          "http.response.status_code": 200,
          "http.route": "php",
          "url.path": "/shop/42",
          "url.query": "q=1",
          "url.scheme": "https",
          "network.protocol.version": "1.1",
          "server.address": "site.test",
          "server.port": 443,
          "client.address": "203.0.113.7",
          "network.peer.address": "10.0.0.1",
          "network.peer.port": 5000,
          "user_agent.original": "curl/8",
        },
        status: undefined,
        ended: 1,
      },
      {
        name: "FastCGI responder",
        kind: 2,
        traceId: TRACE,
        spanId: "0000000000000002",
        parentId: "0000000000000001",
        remoteParent: undefined,
        attributes: {
          "network.protocol.name": "fastcgi",
          "network.transport": "unix",
          "server.address": "/run/php.sock",
          "fastcgi.role": "responder",
          "fastcgi.script_name": "/index.php",
          "http.response.status_code": 200,
        },
        status: undefined,
        ended: 1,
      },
    ]);
  });

  test("a request of no trace is a root, whatever span is active around it", () => {
    const { spans, provider } = recorder();
    trace.setGlobalTracerProvider(provider);
    const begun = createTracing().begin(request());
    expect(spans[0]?.parentId).toBeUndefined();
    expect(traceparent(begun.context as NonNullable<typeof begun.context>)).toBe(
      `00-${"1".repeat(32)}-0000000000000001-01`,
    );
  });

  test("when the provider goes, the spans go", () => {
    const { spans, provider } = recorder();
    trace.setGlobalTracerProvider(provider);
    trace.disable();
    createTracing().begin(request()).end({ status: 200 });
    expect(spans).toEqual([]);
  });
});

describe("with a tracer of one's own", () => {
  const begin = (changes: Partial<TracedRequest> = {}) => {
    const { spans, tracer } = recorder();
    return { spans, begun: createTracing({ tracer }).begin(request(changes)) };
  };

  test("failures of the server are errors, a visitor's mistakes are not", () => {
    for (const [status, error, expected, type] of [
      [404, undefined, undefined, undefined],
      [499, undefined, undefined, undefined],
      [500, undefined, { code: 2 }, "500"],
      [504, "GATEWAY_TIMEOUT", { code: 2 }, "GATEWAY_TIMEOUT"],
    ] as const) {
      const { spans, begun } = begin();
      begun.end({ status, ...(error !== undefined && { error }) });
      expect(spans[0]?.status).toEqual(expected);
      expect(spans[0]?.attributes["error.type"]).toBe(type);
    }
  });

  test("each attempt at a server is a span", () => {
    const { spans, begun } = begin();
    const first = begun.exchange({ address: "10.0.0.1:9000", role: "responder" });
    first.end({ error: "EXCHANGE_CONNECT" });
    first.end({ status: 200 });
    begun.exchange({ address: "[2001:db8::1]:9000", role: "authorizer" }).end({ status: 403 });
    begun.end({ status: 403 });
    begun.end({ status: 200 });
    expect(spans.map(({ ended }) => ended)).toEqual([1, 1, 1]);
    expect(spans[1]).toMatchObject({
      status: { code: 2 },
      attributes: { "server.address": "10.0.0.1", "server.port": 9000, "error.type": "EXCHANGE_CONNECT" },
    });
    expect(spans[2]).toMatchObject({
      name: "FastCGI authorizer",
      attributes: { "server.address": "2001:db8::1", "server.port": 9000 },
    });
  });

  test("what a visitor invents does not get into names, nor secrets into attributes", () => {
    const { spans, begun } = begin({ method: "EVIL", target: "/x?sig=topsecret&a=1&Signature=s&xsig=2" });
    begun.end({ status: 405 });
    expect(spans[0]).toMatchObject({
      name: "HTTP",
      attributes: {
        "http.request.method": "_OTHER",
        "http.request.method_original": "EVIL",
        "url.query": "sig=REDACTED&a=1&Signature=REDACTED&xsig=2",
      },
    });
  });

  test("a tracer that makes no ids leaves the visitor's trace as it was", () => {
    const { tracer } = recorder();
    const none = {
      startSpan: (...call: Parameters<typeof tracer.startSpan>) => {
        const span = tracer.startSpan(...call);
        span.spanContext = () => ({ traceId: "0".repeat(32), spanId: "0".repeat(16), traceFlags: 0 });
        return span;
      },
    };
    const begun = createTracing({ tracer: none }).begin(request({ headers: asked }));
    expect(begun.context).toMatchObject({ traceId: TRACE, spanId: PARENT });
    expect(createTracing({ tracer: none }).begin(request()).context).toBeUndefined();
  });
});
