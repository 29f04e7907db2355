// Ways to break the protocol, and what comes of it: bytes made by the real codec, sent to the real application side.

import {
  concat,
  encodeAbortRequest,
  encodeBeginRequest,
  encodeParams,
  encodeRecord,
  encodeStream,
  encodeStreamEnd,
  type Pair,
  RecordType,
} from "../../src/codec/index.ts";
import { DOCUMENT_ROOT, type Engine, type PoolConfigInput, type RawConnection } from "./types.ts";

export type StepName = "send" | "await-output" | "await-end" | "await-management" | "await-close" | "wait" | "close";

/** What is done next, with a note for whoever watches. */
export type ScenarioStep =
  | { readonly do: "send"; readonly bytes: Uint8Array; readonly note: string }
  /** Until a STDOUT record of the request has come. */
  | { readonly do: "await-output"; readonly requestId: number; readonly note: string }
  /** Until the END_REQUEST of the request has come. */
  | { readonly do: "await-end"; readonly requestId: number; readonly note: string }
  /** Until a management record has come. */
  | { readonly do: "await-management"; readonly note: string }
  /** Until the application has ended the connection. */
  | { readonly do: "await-close"; readonly note: string }
  | { readonly do: "wait"; readonly milliseconds: number; readonly note: string }
  | { readonly do: "close"; readonly note: string };

export interface Scenario {
  readonly id: string;
  readonly title: string;
  /** What should happen, and why: two or three sentences. */
  readonly expectation: string;
  /** Whether a script runs: PHP is loaded then. */
  readonly needsPhp: boolean;
  /** Numbers that the pool gets for the scenario, and loses after it. */
  readonly pool?: PoolConfigInput;
  /** Files that it needs in the site: paths of `EXAMPLES`. */
  readonly files: readonly string[];
  readonly steps: readonly ScenarioStep[];
}

export interface ScenarioResult {
  readonly connection: RawConnection;
  /** Whether every wait of the steps was fulfilled. */
  readonly complete: boolean;
}

/** Longest wait of one step, in milliseconds. */
const PATIENCE = 20_000;

/** Runs a scenario on a connection of its own. `onStep` is told before each step. */
export async function runScenario(
  engine: Engine,
  scenario: Scenario,
  onStep: (step: ScenarioStep, index: number, connection: RawConnection) => void = () => {},
): Promise<ScenarioResult> {
  if (scenario.needsPhp) await engine.loadPhp();
  const before = await applyPool(engine, scenario.pool);
  const connection = await engine.open();
  let complete = true;
  try {
    for (const [index, step] of scenario.steps.entries()) {
      onStep(step, index, connection);
      complete = (await runStep(connection, step)) && complete;
    }
    return { connection, complete };
  } finally {
    connection.close();
    if (before !== undefined) await engine.pool.configure(before);
  }
}

/** @returns what brings the pool's numbers back */
async function applyPool(engine: Engine, change: PoolConfigInput | undefined): Promise<PoolConfigInput | undefined> {
  if (change === undefined) return undefined;
  const before = await engine.pool.configure({});
  await engine.pool.configure(change);
  const keys = Object.keys(change) as (keyof PoolConfigInput)[];
  const restore = Object.fromEntries(keys.map((key) => [key, before[key]]));
  // Surplus children must be gone before a scenario counts on their number.
  const deadline = performance.now() + PATIENCE;
  while (tooMany(engine) && performance.now() < deadline) await pause(50);
  return restore;
}

function tooMany({ pool }: Engine): boolean {
  const { snapshot } = pool;
  return snapshot === undefined || snapshot.status.totalProcesses > snapshot.config.maxChildren;
}

async function runStep(connection: RawConnection, step: ScenarioStep): Promise<boolean> {
  switch (step.do) {
    case "send":
      connection.send(step.bytes);
      return true;
    case "close":
      connection.close();
      return await connection.until(({ ended }) => ended, PATIENCE);
    case "wait":
      await pause(step.milliseconds);
      return true;
    case "await-close":
      return await connection.until(({ ended }) => ended, PATIENCE);
    case "await-output":
      return await awaitRecord(connection, "stdout", step.requestId);
    case "await-end":
      return await awaitRecord(connection, "end-request", step.requestId);
    case "await-management":
      return await connection.until(({ records }) => records.some(({ record }) => record?.requestId === 0), PATIENCE);
  }
}

function awaitRecord(connection: RawConnection, type: string, requestId: number): Promise<boolean> {
  return connection.until(
    ({ records }) => records.some(({ record }) => record?.type === type && record.requestId === requestId),
    PATIENCE,
  );
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });
}

// --- bytes

/** Params of a request for a script, as a web server sends them. */
export function scriptParams(path: string, more: readonly Pair[] = [], query = ""): Pair[] {
  return [
    ["REQUEST_METHOD", "GET"],
    ["SCRIPT_NAME", path],
    ["SCRIPT_FILENAME", `${DOCUMENT_ROOT}${path}`],
    ["DOCUMENT_ROOT", DOCUMENT_ROOT],
    ["REQUEST_URI", query === "" ? path : `${path}?${query}`],
    ["QUERY_STRING", query],
    ["SERVER_PROTOCOL", "HTTP/1.1"],
    ["GATEWAY_INTERFACE", "CGI/1.1"],
    ...more,
  ];
}

/** BEGIN_REQUEST and all of PARAMS. */
export function beginRequest(requestId: number, params: readonly Pair[], role: number | "responder" = "responder") {
  return concat([
    encodeBeginRequest(requestId, role, true),
    ...encodeParams(params).flatMap((block) => encodeStream(RecordType.PARAMS, requestId, block)),
    encodeStreamEnd(RecordType.PARAMS, requestId),
  ]);
}

/** STDIN with its end. */
export function stdin(requestId: number, text: string): Uint8Array {
  const content = new TextEncoder().encode(text);
  return concat([...encodeStream(RecordType.STDIN, requestId, content), encodeStreamEnd(RecordType.STDIN, requestId)]);
}

function post(path: string, length: number): Pair[] {
  const params = scriptParams(path, [
    ["CONTENT_TYPE", "application/x-www-form-urlencoded"],
    ["CONTENT_LENGTH", String(length)],
  ]);
  return params.map(([name, value]) => [name, name === "REQUEST_METHOD" ? "POST" : value]);
}

function get(requestId: number, path: string, query = ""): Uint8Array {
  return concat([beginRequest(requestId, scriptParams(path, [], query)), stdin(requestId, "")]);
}

const hello = get(1, "/hello.php", "name=FastCGI");

/** A PARAMS stream cut in the middle of a pair. */
function cutPair(): Uint8Array {
  const block = concat(encodeParams(scriptParams("/hello.php", [], "name=cut")));
  return concat([
    encodeBeginRequest(1, "responder", true),
    ...encodeStream(RecordType.PARAMS, 1, block.subarray(0, 10)),
    ...encodeStream(RecordType.PARAMS, 1, block.subarray(10)),
    encodeStreamEnd(RecordType.PARAMS, 1),
    stdin(1, ""),
  ]);
}

export const SCENARIOS: readonly Scenario[] = [
  {
    id: "unknown-role",
    title: "A role that nobody plays",
    expectation:
      "BEGIN_REQUEST asks for role 77. The application answers END_REQUEST with the protocol status UNKNOWN_ROLE (3) and runs nothing; the connection stays open.",
    needsPhp: false,
    files: [],
    steps: [
      {
        do: "send",
        bytes: beginRequest(1, scriptParams("/hello.php"), 77),
        note: "BEGIN_REQUEST for role 77, and params",
      },
      { do: "await-end", requestId: 1, note: "END_REQUEST: UNKNOWN_ROLE" },
    ],
  },
  {
    id: "unknown-type",
    title: "A management record of an unknown type",
    expectation:
      "A management record (request id 0) of type 42 is answered with UNKNOWN_TYPE, which names the 42: so a newer web server learns what an older application lacks.",
    needsPhp: false,
    files: [],
    steps: [
      {
        do: "send",
        bytes: encodeRecord({ type: "other", requestId: 0, typeCode: 42, content: new Uint8Array(0) }),
        note: "type 42, request id 0",
      },
      { do: "await-management", note: "UNKNOWN_TYPE: 42" },
    ],
  },
  {
    id: "get-values",
    title: "What can the application do?",
    expectation:
      "GET_VALUES asks for names with empty values. GET_VALUES_RESULT tells those that the application knows: FCGI_MPXS_CONNS is 1, so several requests may share a connection.",
    needsPhp: false,
    files: [],
    steps: [
      {
        do: "send",
        bytes: encodeRecord({
          type: "get-values",
          requestId: 0,
          content: concat(
            encodeParams([
              ["FCGI_MAX_CONNS", ""],
              ["FCGI_MAX_REQS", ""],
              ["FCGI_MPXS_CONNS", ""],
              ["FCGI_WHATEVER", ""],
            ]),
          ),
        }),
        note: "GET_VALUES for four names",
      },
      { do: "await-management", note: "GET_VALUES_RESULT for three of them" },
    ],
  },
  {
    id: "cut-record",
    title: "A connection that ends inside a record",
    expectation:
      "The header promises more than comes before the connection ends. Nothing can be answered any more; the application logs FCGI_UNEXPECTED_END and lets the connection go.",
    needsPhp: false,
    files: [],
    steps: [
      {
        do: "send",
        bytes: beginRequest(1, scriptParams("/hello.php")).subarray(0, 40),
        note: "40 bytes, then nothing",
      },
      { do: "wait", milliseconds: 50, note: "the application waits for the rest" },
      { do: "close", note: "the connection ends" },
    ],
  },
  {
    id: "wrong-version",
    title: "Another version of the protocol",
    expectation:
      "The first byte of a header must be 1. With a 2 nobody knows where the next record begins: the application logs FCGI_BAD_VERSION and closes. Plain HTTP sent to a FastCGI port fails in the same way.",
    needsPhp: false,
    files: [],
    steps: [
      {
        do: "send",
        bytes: Uint8Array.of(2, 1, 0, 1, 0, 8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0),
        note: "BEGIN_REQUEST, version 2",
      },
      { do: "await-close", note: "the application ends the connection" },
    ],
  },
  {
    id: "http",
    title: "HTTP on a FastCGI port",
    expectation:
      'The first byte is "G" (71), no version of FastCGI. The application logs FCGI_BAD_VERSION and closes without an answer: the "Connection reset" of a proxy that was told fastcgi_pass\'s port for proxy_pass.',
    needsPhp: false,
    files: [],
    steps: [
      {
        do: "send",
        bytes: new TextEncoder().encode("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        note: "an HTTP request",
      },
      { do: "await-close", note: "the application ends the connection" },
    ],
  },
  {
    id: "abort",
    title: "A visitor who leaves",
    expectation:
      "ABORT_REQUEST while the script writes. The script is told at its next output (connection_aborted()) and ends; END_REQUEST still comes, and the connection may be used again. php-fpm does not heed ABORT_REQUEST: there the web server closes the connection instead.",
    needsPhp: true,
    files: ["/slow.php"],
    steps: [
      { do: "send", bytes: get(1, "/slow.php", "pieces=50&ms=100"), note: "a script of five seconds" },
      { do: "await-output", requestId: 1, note: "its first piece" },
      { do: "send", bytes: encodeAbortRequest(1), note: "ABORT_REQUEST" },
      { do: "await-end", requestId: 1, note: "END_REQUEST, long before five seconds" },
    ],
  },
  {
    id: "overload",
    title: "More requests than the pool can hold",
    expectation:
      "One child, a listen queue of one (listen.backlog), three requests on one connection: the first runs, the second waits, the third is answered at once with a 503 page and the protocol status OVERLOADED (2).",
    needsPhp: true,
    pool: { pm: "static", maxChildren: 1, listenBacklog: 1 },
    files: ["/slow.php"],
    steps: [
      { do: "send", bytes: get(1, "/slow.php", "pieces=3&ms=150"), note: "request 1 takes the child" },
      { do: "await-output", requestId: 1, note: "it runs" },
      { do: "send", bytes: get(2, "/slow.php", "pieces=1&ms=50"), note: "request 2 waits" },
      { do: "send", bytes: get(3, "/slow.php", "pieces=1&ms=50"), note: "request 3 is one too many" },
      { do: "await-end", requestId: 3, note: "END_REQUEST: OVERLOADED" },
      { do: "await-end", requestId: 1, note: "request 1 ends" },
      { do: "await-end", requestId: 2, note: "request 2 was only late" },
    ],
  },
  {
    id: "stdin-long",
    title: "STDIN longer than CONTENT_LENGTH",
    expectation:
      "CONTENT_LENGTH says 8, STDIN brings 18 bytes. The script gets the first eight and no more: what lies beyond the declared length is no part of the body.",
    needsPhp: true,
    files: ["/form.php"],
    steps: [
      {
        do: "send",
        bytes: concat([beginRequest(1, post("/form.php", 8)), stdin(1, "name=Ada&more=here")]),
        note: "CONTENT_LENGTH 8, and 18 bytes",
      },
      { do: "await-end", requestId: 1, note: "the script saw name=Ada" },
    ],
  },
  {
    id: "stdin-short",
    title: "STDIN shorter than CONTENT_LENGTH",
    expectation:
      "CONTENT_LENGTH says 100, STDIN ends after 8. The body is not whole, so the script is not run: 400, and the reason in STDERR. php-fpm would run it with what came.",
    needsPhp: true,
    files: ["/form.php"],
    steps: [
      {
        do: "send",
        bytes: concat([beginRequest(1, post("/form.php", 100)), stdin(1, "name=Ada")]),
        note: "CONTENT_LENGTH 100, and 8 bytes",
      },
      { do: "await-end", requestId: 1, note: "400 Bad Request" },
    ],
  },
  {
    id: "cut-pair",
    title: "A name-value pair cut across two records",
    expectation:
      "The first PARAMS record ends in the middle of a pair. PARAMS is a stream, so that is allowed: the script runs. php-fpm decodes each record by itself and drops the connection.",
    needsPhp: true,
    files: ["/hello.php"],
    steps: [
      { do: "send", bytes: cutPair(), note: "PARAMS in two records, cut inside REQUEST_METHOD" },
      { do: "await-end", requestId: 1, note: "the script ran" },
    ],
  },
  {
    id: "same-id",
    title: "A request id that is taken",
    expectation:
      "A second BEGIN_REQUEST with an id whose request has not ended. Nobody could tell the two apart: the application logs FCGI_UNEXPECTED_RECORD and ends the connection.",
    needsPhp: false,
    files: [],
    steps: [
      {
        do: "send",
        bytes: concat([encodeBeginRequest(1, "responder", true), encodeBeginRequest(1, "responder", true)]),
        note: "BEGIN_REQUEST twice, both with id 1",
      },
      { do: "await-close", note: "the application ends the connection" },
    ],
  },
  {
    id: "byte-by-byte",
    title: "One byte at a time",
    expectation:
      "A connection is a stream of bytes: records may be cut anywhere. The same request as ever, sent in single bytes, gets the same answer.",
    needsPhp: true,
    files: ["/hello.php"],
    steps: [
      ...Array.from(
        hello,
        (byte, index): ScenarioStep => ({
          do: "send",
          bytes: Uint8Array.of(byte),
          note: `byte ${index + 1} of ${hello.length}`,
        }),
      ),
      { do: "await-end", requestId: 1, note: "the whole answer" },
    ],
  },
];
