import { describe, expect, test } from "vitest";
import { concat, type Pair } from "../../src/codec/index.ts";
import { bytesOf, textOf, Wired } from "./wired.ts";

const request = { role: "responder", keepConnection: true, params: [["A", "b"]] as Pair[] } as const;

describe("two connections wired together", () => {
  test("carry a request and its answer", () => {
    const wired = new Wired();
    const id = wired.webServer.begin(request);
    wired.webServer.writeStdin(id, bytesOf("body"));
    wired.webServer.endStdin(id);
    expect(wired.toApplication()).toEqual([
      { type: "request", requestId: 1, role: "responder", keepConnection: true, params: [["A", "b"]] },
      { type: "stdin", requestId: 1, content: bytesOf("body") },
      { type: "stdin-end", requestId: 1 },
    ]);
    wired.application.writeStderr(id, bytesOf("warning"));
    wired.application.writeStdout(id, bytesOf("answer"));
    wired.application.endRequest(id, 3);
    expect(wired.toWebServer()).toEqual([
      { type: "stderr", requestId: 1, content: bytesOf("warning") },
      { type: "stdout", requestId: 1, content: bytesOf("answer") },
      { type: "end", requestId: 1, applicationStatus: 3, protocolStatus: "request-complete" },
    ]);
    expect([wired.webServer.active, wired.application.active]).toEqual([0, 0]);
    expect(wired.webServer.end()).toEqual([]);
    expect(wired.application.end()).toEqual([]);
  });

  test("a small request and a small answer each go out in one chunk", () => {
    const wired = new Wired();
    wired.webServer.endStdin(wired.webServer.begin(request));
    const chunks = wired.webServer.takeOutput();
    expect(chunks.length).toBe(1);
    for (const chunk of chunks) wired.application.receive(chunk);
    wired.application.writeStdout(1, new Uint8Array(9000));
    wired.application.endRequest(1, 0);
    expect(wired.application.takeOutput().length).toBe(1);
    expect(wired.application.takeOutput()).toEqual([]);
  });

  test("a filter receives STDIN and DATA in any order", () => {
    const wired = new Wired();
    const id = wired.webServer.begin({ ...request, role: "filter" });
    wired.webServer.writeStdin(id, bytesOf("in"));
    wired.webServer.writeData(id, bytesOf("file"));
    wired.webServer.endData(id);
    wired.webServer.endStdin(id);
    const types = wired.toApplication().map((event) => event.type);
    expect(types).toEqual(["request", "stdin", "data", "data-end", "stdin-end"]);
  });

  test("an authorizer is asked and answers", () => {
    const wired = new Wired();
    const id = wired.webServer.begin({ ...request, role: "authorizer" });
    expect(wired.toApplication()).toMatchObject([{ type: "request", role: "authorizer" }]);
    wired.application.endRequest(id, 0);
    expect(wired.toWebServer()).toMatchObject([{ type: "end" }]);
  });

  test("100 interleaved requests are answered out of order, each with its own bytes", () => {
    const wired = new Wired({}, () => 777);
    const count = 100;
    const ids = Array.from({ length: count }, (_, i) =>
      wired.webServer.begin({ ...request, params: [["N", String(i)]] }),
    );
    expect(ids).toEqual(Array.from({ length: count }, (_, i) => i + 1));
    const received = new Map<number, string>();
    const pump = () => {
      for (const event of wired.toApplication()) {
        if (event.type !== "stdin") continue;
        received.set(event.requestId, (received.get(event.requestId) ?? "") + textOf(event.content));
      }
    };
    for (let round = 0; round < 5; round++) {
      for (const id of ids) wired.webServer.writeStdin(id, bytesOf(`<${id}.${round}>`));
      pump();
    }
    for (const id of ids) wired.webServer.endStdin(id);
    pump();
    for (const id of ids) expect(received.get(id)).toBe([0, 1, 2, 3, 4].map((round) => `<${id}.${round}>`).join(""));

    const answers = new Map<number, string>();
    const ends: number[] = [];
    const shuffled = ids.map((id) => (id * 37) % 101).filter((id) => id <= count);
    for (const id of shuffled) wired.application.writeStdout(id, bytesOf(`first of ${id}, `));
    for (const id of [...shuffled].reverse()) {
      wired.application.writeStdout(id, bytesOf(`last of ${id}`));
      wired.application.endRequest(id, id);
    }
    for (const event of wired.toWebServer()) {
      if (event.type === "stdout") {
        answers.set(event.requestId, (answers.get(event.requestId) ?? "") + textOf(event.content));
      } else if (event.type === "end") {
        expect(event.applicationStatus).toBe(event.requestId);
        ends.push(event.requestId);
      }
    }
    expect(ends).toEqual([...shuffled].reverse());
    for (const id of ids) expect(answers.get(id)).toBe(`first of ${id}, last of ${id}`);
  });

  test.each([16383, 16384, 16385, 65527, 65528, 65529, 65535, 65536, 200_000])(
    "carry %i bytes unharmed both ways",
    (length) => {
      const wired = new Wired({}, () => 1460);
      const body = Uint8Array.from({ length }, (_, i) => (i * 31) & 0xff);
      const id = wired.webServer.begin(request);
      wired.webServer.writeStdin(id, body);
      wired.webServer.endStdin(id);
      const parts = wired.toApplication().flatMap((event) => (event.type === "stdin" ? [event.content] : []));
      expect(concat(parts)).toEqual(body);
      wired.application.writeStdout(id, body);
      wired.application.endRequest(id, 0);
      const answer = wired.toWebServer().flatMap((event) => (event.type === "stdout" ? [event.content] : []));
      expect(concat(answer)).toEqual(body);
    },
  );

  test("params that take several records arrive whole", () => {
    const pairs: Pair[] = Array.from({ length: 40 }, (_, i) => [`NAME_${i}`, "\xe9".repeat(5000)]);
    const wired = new Wired({}, () => 1000);
    wired.webServer.begin({ ...request, params: pairs });
    expect(wired.toApplication()).toMatchObject([{ type: "request", params: pairs }]);
  });

  test("GET_VALUES is answered with the values asked for and known", () => {
    const wired = new Wired({ values: { maxConns: 7, maxReqs: 30 } });
    wired.webServer.getValues(["FCGI_MPXS_CONNS", "UNHEARD_OF", "FCGI_MAX_REQS"]);
    wired.webServer.getValues(["FCGI_MAX_CONNS"]);
    wired.webServer.getValues(["UNHEARD_OF"]);
    expect(wired.toApplication()).toEqual([]);
    const values = [
      [
        ["FCGI_MPXS_CONNS", "1"],
        ["FCGI_MAX_REQS", "30"],
      ],
      [["FCGI_MAX_CONNS", "7"]],
      [],
    ];
    expect(wired.toWebServer()).toEqual(values.map((pairs) => ({ type: "values", values: pairs })));
  });

  test("an application announces values unasked", () => {
    const wired = new Wired();
    wired.application.announce([["STATE", "idle"]]);
    expect(wired.toWebServer()).toEqual([{ type: "values", values: [["STATE", "idle"]] }]);
  });

  test("an abort is told once, output is dropped, and the id is free after END_REQUEST", () => {
    const wired = new Wired();
    const id = wired.webServer.begin(request);
    wired.webServer.writeStdin(id, bytesOf("half"));
    wired.toApplication();
    wired.webServer.abort(id);
    wired.webServer.abort(id);
    wired.webServer.writeStdin(id, bytesOf("late"));
    wired.webServer.endStdin(id);
    expect(wired.toApplication()).toEqual([{ type: "abort", requestId: id }]);
    expect(wired.webServer.begin(request)).toBe(2);
    wired.application.writeStdout(id, bytesOf("nobody reads this"));
    wired.application.endRequest(id, 1);
    expect(wired.toWebServer()).toMatchObject([{ type: "end", requestId: id, applicationStatus: 1 }]);
    expect(wired.webServer.begin(request)).toBe(id);
  });

  test("output on its way when the request is aborted is not delivered", () => {
    const wired = new Wired();
    const id = wired.webServer.begin(request);
    wired.toApplication();
    wired.application.writeStdout(id, bytesOf("on its way"));
    wired.webServer.abort(id);
    expect(wired.toWebServer()).toEqual([]);
    expect(wired.webServer.active).toBe(1);
  });

  test("an answer before the end of STDIN: the rest is dropped, the id free once our side has ended", () => {
    const wired = new Wired();
    const id = wired.webServer.begin(request);
    wired.toApplication();
    wired.application.endRequest(id, 0);
    expect(wired.toWebServer()).toMatchObject([{ type: "end", requestId: id }]);
    expect(wired.webServer.active).toBe(0);
    wired.webServer.writeStdin(id, bytesOf("dropped"));
    expect(wired.webServer.takeOutput()).toEqual([]);
    expect(wired.webServer.begin(request)).toBe(2);
    wired.webServer.endStdin(id);
    expect(wired.webServer.begin(request)).toBe(id);
  });

  test("without KEEP_CONN the application wants to close when the last request has ended", () => {
    const wired = new Wired();
    const first = wired.webServer.begin({ ...request, keepConnection: false });
    const second = wired.webServer.begin(request);
    wired.toApplication();
    expect(wired.application.closeWanted).toBe(false);
    wired.application.endRequest(first, 0);
    expect(wired.application.closeWanted).toBe(false);
    wired.application.endRequest(second, 0);
    expect(wired.application.closeWanted).toBe(true);
  });
});
