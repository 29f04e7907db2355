// What the two connections cost by themselves, in memory: params of a request, and requests that share a connection.

import type { Pair } from "../../src/codec/index.ts";
import { ApplicationConnection, WebServerConnection } from "../../src/connection/index.ts";
import { consume } from "../codec/measure.ts";
import { requestParams } from "../codec/request-params.ts";
import { ownProcessorTime } from "../processor-time.ts";
import type { Table } from "../table.ts";
import { SCALE_TITLES, seriesTable } from "./series.ts";

const ANSWER = new TextEncoder().encode(`Content-type: text/html\r\n\r\n${"x".repeat(1000)}`);

/** Least milliseconds that a size is measured for in a round. */
const SLICE = { full: 100, quick: 20 };

/** Microseconds of processor time for each unit of `work`. */
function cost(work: () => number, quick: boolean): number {
  const began = performance.now();
  const before = ownProcessorTime();
  let done = 0;
  while (performance.now() - began < (quick ? SLICE.quick : SLICE.full)) done += work();
  return (ownProcessorTime() - before) / done;
}

function rounds(quick: boolean): number {
  return quick ? 7 : 15;
}

/** Each size in turn, after one round that does not count. */
function interleave(sizes: readonly number[], quick: boolean, work: (size: number) => () => number) {
  const points = sizes.map((size) => ({ size, costs: [] as number[], run: work(size) }));
  for (let round = -1; round < rounds(quick); round++) {
    for (const { costs, run } of points) {
      const value = cost(run, quick);
      if (round >= 0) costs.push(value);
    }
  }
  return points;
}

export function benchParamCounts(quick: boolean): Table {
  const points = interleave([10, 100, 1000], quick, (size) => {
    const params = paramsOf(size);
    const webServer = new WebServerConnection();
    const application = new ApplicationConnection();
    return () => {
      answerAll(webServer, application, [webServer.begin({ role: "responder", keepConnection: true, params })]);
      return size;
    };
  });
  return seriesTable({
    title: SCALE_TITLES.params,
    method: `A whole request through both connections in memory, processor time, ${rounds(quick)} rounds in turn, medians.`,
    unit: "µs/param",
    of: "params",
    points,
    base: 100,
    flat: 1.3,
  });
}

export function benchMultiplexed(quick: boolean): Table {
  const limits = { maxRequests: 1000 };
  const params = requestParams();
  const points = interleave([1, 10, 100, 1000], quick, (size) => {
    const webServer = new WebServerConnection();
    const application = new ApplicationConnection({ limits });
    return () => {
      const ids = Array.from({ length: size }, () =>
        webServer.begin({ role: "responder", keepConnection: true, params }),
      );
      answerAll(webServer, application, ids);
      return size;
    };
  });
  return seriesTable({
    title: SCALE_TITLES.multiplexed,
    method: `All begun before the first is answered, in memory; 40 params and an answer of 1 KB each; processor time, ${rounds(quick)} rounds in turn, medians.`,
    unit: "µs/request",
    of: "at once",
    points,
    base: 1,
    flat: 1.3,
  });
}

/** Ends every request's body, has all answered, and reads the answers. */
function answerAll(webServer: WebServerConnection, application: ApplicationConnection, ids: readonly number[]): void {
  for (const id of ids) webServer.endStdin(id);
  const begun: number[] = [];
  for (const chunk of webServer.takeOutput()) {
    for (const event of application.receive(chunk)) if (event.type === "stdin-end") begun.push(event.requestId);
  }
  if (begun.length !== ids.length) throw new Error(`${begun.length} of ${ids.length} requests arrived`);
  for (const id of begun) {
    application.writeStdout(id, ANSWER);
    application.endRequest(id, 0);
  }
  for (const chunk of application.takeOutput()) consume(webServer.receive(chunk).length);
}

function paramsOf(count: number): Pair[] {
  const usual = requestParams().slice(0, Math.min(10, count));
  const more = Array.from(
    { length: count - usual.length },
    (_, i): Pair => [`HTTP_X_EXAMPLE_${i}`, `value number ${i}`],
  );
  return [...usual, ...more];
}
