// What the tap shows of the wire, and the scenarios that break the protocol.

import { afterAll, beforeAll, expect, test } from "vitest";
import { describePeers } from "../peers/peer.ts";
import { openEngine } from "./chromium.ts";

describePeers(["chromium"], "the wire in the page", () => {
  let opened: Awaited<ReturnType<typeof openEngine>>;
  beforeAll(async () => {
    opened = await openEngine({ pool: { pm: "static", maxChildren: 2 } });
    await opened.page.evaluate(() => globalThis.engine.loadPhp());
  }, 120_000);
  afterAll(() => opened?.close());

  test("shows every record of a request on both hops, with its bytes and its request", async () => {
    const records = await opened.page.evaluate(async () => {
      const { engine } = globalThis;
      engine.wire.clear();
      const response = await engine.request({ url: "/hello.php" });
      await response.text();
      await new Promise((done) => setTimeout(done, 300));
      return engine.wire.events.flatMap((event) => {
        if (event.kind !== "record") return [];
        const { bytes, hop, direction, type, request, contentLength, paddingLength } = event;
        const whole = bytes.length === 8 + contentLength + paddingLength && bytes[0] === 1 && bytes[1] === type;
        return [
          `${hop} ${direction === "to-application" ? ">" : "<"} ${type} ${request === response.request} ${whole}`,
        ];
      });
    });
    const web = records.filter((record) => record.startsWith("web"));
    const child = records.filter((record) => record.startsWith("child") && !record.includes("< 10 "));
    const expected = ["> 1", "> 4", "> 4", "> 5", "< 6", "< 3"];
    expect(web).toEqual(expected.map((record) => `web ${record} true true`));
    expect(child).toEqual(expected.map((record) => `child ${record} true true`));
  });

  test("keeps no more than it was told", async () => {
    const result = await opened.page.evaluate(async () => {
      const { engine, edgeFpm } = globalThis;
      const small = edgeFpm.createEngine({
        files: { "/a.txt": "a" },
        wire: { maxEvents: 50, maxBytes: 100_000 },
      });
      const connection = await small.open();
      for (let i = 0; i < 300; i++) connection.send(Uint8Array.of(1, 42, 0, 0, 0, 0, 0, 0));
      await connection.until(({ records }) => records.length === 300, 10_000);
      await new Promise((done) => setTimeout(done, 500));
      const { events, dropped, bytes } = small.wire;
      const last = events.at(-1)?.seq ?? 0;
      small.close();
      return { events: events.length, dropped, bytes, last, other: engine.wire.events.length };
    });
    expect(result.events).toBeLessThanOrEqual(50);
    expect(result.events).toBeGreaterThan(25);
    // 300 records each way, and the connection's beginning.
    expect(result.events + result.dropped).toBe(601);
    expect(result.last).toBe(601);
    expect(result.bytes).toBeLessThan(100_000);
  });

  test("carries several requests at once on one connection, told apart by their ids", async () => {
    const { shared, own } = await opened.page.evaluate(async () => {
      const { engine } = globalThis;
      const inputs = [4, 1, 2].map((pieces) => ({ url: `/slow.php?pieces=${pieces}&ms=80` }));
      const run = async (connections: "shared" | "own") => {
        engine.wire.clear();
        const result = await engine.batch(inputs, { connections });
        await new Promise((done) => setTimeout(done, 300));
        const events = engine.wire.events.filter((event) => event.hop === "web");
        const opened = events.filter((event) => event.kind === "opened").length;
        const ids = events.flatMap((event) =>
          event.kind === "record" && event.direction === "to-web-server" && event.type === 6 ? [event.requestId] : [],
        );
        return { statuses: result.answers.map(({ status }) => status), order: result.order, opened, ids };
      };
      return { shared: await run("shared"), own: await run("own") };
    });
    expect(shared.statuses).toEqual([200, 200, 200]);
    expect(shared.opened).toBe(1);
    expect(new Set(shared.ids)).toEqual(new Set([1, 2, 3]));
    // Interleaved: request 1 goes on after records of another one.
    expect(shared.ids.join("")).toMatch(/1[23]+1/);
    // Answered out of order.
    expect(shared.order[0]).toBe(1);
    expect(own.opened).toBe(3);
    expect(new Set(own.ids)).toEqual(new Set([1]));
  });

  const outcomes: Readonly<Record<string, { readonly answer?: RegExp; readonly code?: string }>> = {
    "unknown-role": { answer: /end-request 1 unknown-role/ },
    "unknown-type": { answer: /unknown-type 0 42/ },
    "get-values": { answer: /get-values-result 0 FCGI_MAX_CONNS=\d+ FCGI_MAX_REQS=\d+ FCGI_MPXS_CONNS=1/ },
    "cut-record": { code: "FCGI_UNEXPECTED_END" },
    "wrong-version": { code: "FCGI_BAD_VERSION" },
    http: { code: "FCGI_BAD_VERSION" },
    abort: { answer: /end-request 1 request-complete/ },
    overload: {
      answer: /end-request 3 overloaded.*end-request 1 request-complete.*end-request 2 request-complete/s,
    },
    "stdin-long": { answer: /STDIN brought 8 bytes.*name=Ada<.*end-request 1 request-complete/s },
    "stdin-short": { answer: /ended after 8 of the 100 bytes.*400 Bad Request.*end-request 1/s },
    "cut-pair": { answer: /Hello, cut!.*end-request 1 request-complete/s },
    "same-id": { code: "FCGI_UNEXPECTED_RECORD" },
    "byte-by-byte": { answer: /Hello, FastCGI!.*end-request 1 request-complete/s },
  };

  test.each(Object.entries(outcomes))("scenario %s comes out as it is told", async (id, { answer, code }) => {
    const result = await opened.page.evaluate(async (wanted) => {
      const { engine, edgeFpm } = globalThis;
      const scenario = edgeFpm.SCENARIOS.find((known) => known.id === wanted);
      if (scenario === undefined) throw new Error(`there is no scenario ${wanted}`);
      const before = JSON.stringify(await engine.pool.configure({}));
      const began = performance.now();
      const { connection, complete } = await edgeFpm.runScenario(engine, scenario);
      const took = performance.now() - began;
      await connection.closed;
      const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
      const records = connection.records.map(({ record, bytes }) => {
        if (record === undefined) return "no record";
        const { type, requestId } = record;
        if (record.type === "end-request") return `${type} ${requestId} ${record.protocolStatus}`;
        if (record.type === "unknown-type") return `${type} ${requestId} ${record.unknownType}`;
        if (record.type !== "get-values-result") return `${type} ${requestId} ${text(bytes.subarray(8))}`;
        const pairs = text(record.content).match(/FCGI_[A-Z_]+\d+/g) ?? [];
        return `${type} ${requestId} ${pairs.map((pair) => pair.replace(/(\d+)$/, "=$1")).join(" ")}`;
      });
      const restored = JSON.stringify(await engine.pool.configure({})) === before;
      return { records, complete, codes: connection.errors.map((error) => error.code), took, restored };
    }, id);
    expect(result.complete).toBe(true);
    expect(result.restored).toBe(true);
    if (answer !== undefined) expect(result.records.join("\n")).toMatch(answer);
    if (code !== undefined) expect(result.codes).toEqual([code]);
    if (id === "abort") expect(result.took).toBeLessThan(4000);
  });

  test("has an outcome for every scenario", async () => {
    const ids = await opened.page.evaluate(() => globalThis.edgeFpm.SCENARIOS.map(({ id }) => id));
    expect(ids).toEqual(expect.arrayContaining(Object.keys(outcomes)));
    expect(Object.keys(outcomes)).toHaveLength(ids.length);
  });

  test("leaves the page without complaint", () => {
    expect(opened.complaints).toEqual([]);
  });
});
