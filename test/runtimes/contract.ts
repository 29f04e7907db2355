// What codec, connection, capture, client and server promise on every runtime. Plain functions and plain assertions: this file is
// run by Node, Deno, Bun, workerd and browsers, where the package is what npm installed. It imports nothing.

/** The package's parts, as the runtime imports them. */
export interface Modules {
  readonly codec: typeof import("../../src/codec/index.ts");
  readonly connection: typeof import("../../src/connection/index.ts");
  readonly capture: typeof import("../../src/capture/index.ts");
  readonly client: typeof import("../../src/client/index.ts");
  readonly server: typeof import("../../src/server/index.ts");
}

export interface Runtime {
  /** It can listen and connect over TCP. */
  readonly sockets: boolean;
  /** A folder for Unix sockets, if it has them. */
  readonly folder?: string | undefined;
  /** Its responses drop Set-Cookie, as the Fetch Standard has it for pages. */
  readonly dropsCookies?: boolean;
}

export interface Case {
  readonly name: string;
  readonly needs?: "sockets" | "folder";
  run(modules: Modules, runtime: Runtime): Promise<void>;
}

export interface Result {
  readonly name: string;
  /** Absent: it went well. */
  readonly error?: string;
  /** The runtime lacks what it needs. */
  readonly skipped?: boolean;
}

/** Longest a case may take, in milliseconds: a hang is a failure. */
const LONGEST = 30_000;

/** Runs all cases, one after another. Never rejects. */
export async function runContract(modules: Modules, runtime: Runtime): Promise<Result[]> {
  const results: Result[] = [];
  for (const { name, needs, run } of CASES) {
    if (needs !== undefined && !runtime[needs]) {
      results.push({ name, skipped: true });
      continue;
    }
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(new Error(`not done within ${LONGEST} ms`)), LONGEST);
    });
    try {
      await Promise.race([run(modules, runtime), late]);
      results.push({ name });
    } catch (error) {
      results.push({ name, error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    } finally {
      clearTimeout(timer);
    }
  }
  return results;
}

// --- assertions

function equal(seen: unknown, expected: unknown, what = "value"): void {
  const [one, other] = [JSON.stringify(seen), JSON.stringify(expected)];
  if (one !== other) throw new Error(`${what}: expected ${other}, but it is ${one}`);
}

function check(condition: boolean, what: string): void {
  if (!condition) throw new Error(what);
}

async function failure(promise: Promise<unknown>): Promise<Error & { code?: string }> {
  try {
    await promise;
  } catch (error) {
    return error as Error;
  }
  throw new Error("it was expected to fail");
}

async function until(condition: () => boolean, what: string): Promise<void> {
  for (let tries = 0; !condition(); tries++) {
    check(tries < 500, `${what}: still not so after 10 s`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function bytes(length: number): Uint8Array<ArrayBuffer> {
  const made = new Uint8Array(length);
  for (let at = 0; at < length; at++) made[at] = (at * 31) >> 3;
  return made;
}

function sameBytes(seen: Uint8Array, expected: Uint8Array): void {
  equal(seen.length, expected.length, "length");
  for (let at = 0; at < seen.length; at++) if (seen[at] !== expected[at]) throw new Error(`byte ${at} differs`);
}

const text = new TextEncoder();

// --- an application that the cases call

interface Seen {
  aborted: boolean;
}

function application(seen: Seen = { aborted: false }) {
  return async (
    request: Request,
    context: { params: Readonly<Record<string, string>>; stderr(text: string): void },
  ): Promise<Response> => {
    const { pathname, search } = new URL(request.url);
    switch (pathname) {
      case "/hello": {
        const headers = new Headers({ "x-method": request.method, "x-server": context.params.SERVER_SOFTWARE ?? "" });
        headers.append("set-cookie", "a=1");
        headers.append("set-cookie", "b=2");
        context.stderr("careful\n");
        return new Response(`hello ${request.headers.get("x-name")}`, { status: 203, headers });
      }
      case "/echo":
        return new Response(await request.arrayBuffer());
      case "/number":
        return new Response(search.slice(1));
      case "/empty":
        return new Response(null, { status: 204 });
      case "/throw":
        throw new Error("thrown on purpose");
      case "/endless": {
        request.signal.addEventListener("abort", () => {
          seen.aborted = true;
        });
        return new Response(
          new ReadableStream({
            async pull(controller) {
              controller.enqueue(text.encode("more\n"));
              await new Promise((resolve) => setTimeout(resolve, 10));
            },
          }),
        );
      }
      default:
        return new Response("not found", { status: 404 });
    }
  };
}

/** Two ends of a pipe of web streams. */
function pipe() {
  const there = new TransformStream<Uint8Array, Uint8Array>(undefined, { highWaterMark: 4 });
  const back = new TransformStream<Uint8Array, Uint8Array>(undefined, { highWaterMark: 4 });
  return [
    { readable: back.readable, writable: there.writable },
    { readable: there.readable, writable: back.writable },
  ] as const;
}

type Fetch = ReturnType<typeof application>;

/** Runs `use` with a client whose application is in this process, behind pipes. */
async function joined(
  { client, server }: Modules,
  fetch: Fetch,
  options: Parameters<Modules["client"]["connect"]>[1],
  use: (connected: ReturnType<Modules["client"]["connect"]>) => Promise<void>,
): Promise<void> {
  const served = new server.FastCgiApplication({ fetch });
  const connected = client.connect(() => {
    const [mine, theirs] = pipe();
    served.serve(theirs);
    return mine;
  }, options);
  try {
    await use(connected);
  } finally {
    await connected.close({ abort: true });
    await served.close({ grace: 100 });
  }
}

/** Runs `use` with a client and a server joined by a socket. */
async function listening(
  { client, server }: Modules,
  listen: string,
  fetch: Fetch,
  options: Parameters<Modules["client"]["connect"]>[1],
  use: (
    connected: ReturnType<Modules["client"]["connect"]>,
    served: Awaited<ReturnType<Modules["server"]["serve"]>>,
  ) => Promise<void>,
): Promise<void> {
  const served = await server.serve({ listen, fetch });
  const connected = client.connect(served.url, options);
  try {
    await use(connected, served);
  } finally {
    await connected.close({ abort: true });
    await served.close({ grace: 100 });
  }
}

async function helloes(
  connected: ReturnType<Modules["client"]["connect"]>,
  { dropsCookies = false }: Partial<Runtime> = {},
): Promise<void> {
  const { response, head, end } = await connected.request("http://example.org/hello?x", {
    headers: { "x-name": "you" },
  });
  equal([response.status, response.headers.get("x-method"), await response.text()], [203, "GET", "hello you"]);
  equal(
    head.headers.filter(([name]) => name.toLowerCase() === "set-cookie").map(([, value]) => value),
    dropsCookies ? [] : ["a=1", "b=2"],
    "cookies",
  );
  const { applicationStatus, protocolStatus, stderr } = await end;
  equal([applicationStatus, protocolStatus, stderr], [0, "request-complete", "careful\n"]);
}

async function echoes(connected: ReturnType<Modules["client"]["connect"]>, length: number): Promise<void> {
  const body = bytes(length);
  const response = await connected.fetch("/echo", { method: "POST", body });
  sameBytes(new Uint8Array(await response.arrayBuffer()), body);
}

async function many(connected: ReturnType<Modules["client"]["connect"]>, count: number): Promise<void> {
  const answers = await Promise.all(
    Array.from({ length: count }, async (_, index) => (await connected.fetch(`/number?${index}`)).text()),
  );
  equal(
    answers,
    Array.from({ length: count }, (_, index) => String(index)),
  );
}

async function aborts(connected: ReturnType<Modules["client"]["connect"]>, seen: Seen): Promise<void> {
  const abort = new AbortController();
  const response = await connected.fetch("/endless", { signal: abort.signal });
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  equal(new TextDecoder().decode((await reader.read()).value).slice(0, 5), "more\n");
  check(!seen.aborted, "aborted too early");
  abort.abort(new Error("enough"));
  const rest = async (): Promise<void> => {
    while (!(await reader.read()).done);
  };
  equal((await failure(rest())).message, "enough");
  await until(() => seen.aborted, "the handler's signal aborts");
}

/** The cases, in the order in which they run. */
export const CASES: readonly Case[] = [
  {
    name: "codec: a record cut at every byte is decoded as it was encoded",
    async run({ codec }) {
      const wire = codec.encodeRecord({ type: "stdout", requestId: 7, content: bytes(100) });
      for (let cut = 0; cut <= wire.length; cut++) {
        const decoder = new codec.RecordDecoder();
        const seen: unknown[] = [];
        const content: number[] = [];
        for (const part of [wire.subarray(0, cut), wire.subarray(cut)]) {
          decoder.decode(part, (type, id, buffer, start, end) => {
            seen.push([type, id]);
            content.push(...buffer.subarray(start, end));
          });
        }
        decoder.end();
        equal(seen, [[codec.RecordType.STDOUT, 7]]);
        equal(content, [...bytes(100)]);
      }
    },
  },
  {
    name: "codec: params keep every byte, and their order",
    async run({ codec }) {
      const pairs = [
        ["A", "1"],
        ["A", "2"],
        ["LONG", "x".repeat(1000)],
        ["BYTES", Array.from({ length: 256 }, (_, code) => String.fromCharCode(code)).join("")],
      ] as const;
      equal(
        codec.encodeParams(pairs).flatMap((block) => codec.decodeParams(block)),
        pairs,
      );
    },
  },
  {
    name: "codec: what is no FastCGI is refused with a stable code",
    async run({ codec }) {
      const refused = await failure(
        (async () => new codec.RecordDecoder().decode(text.encode("GET / HTTP/1.1\r\n\r\n"), () => {}))(),
      );
      equal([refused.name, refused.code], ["RemoteProtocolError", "FCGI_BAD_VERSION"]);
    },
  },
  {
    name: "connection: a web server and an application understand each other",
    async run({ connection }) {
      const front = new connection.WebServerConnection();
      const back = new connection.ApplicationConnection();
      const id = front.begin({ role: "responder", keepConnection: true, params: [["REQUEST_METHOD", "POST"]] });
      front.writeStdin(id, text.encode("body"));
      front.endStdin(id);
      const asked = front.takeOutput().flatMap((chunk) => back.receive(chunk));
      equal(
        asked.map(({ type }) => type),
        ["request", "stdin", "stdin-end"],
      );
      back.writeStdout(id, text.encode("answer"));
      back.endRequest(id, 3);
      const answered = back.takeOutput().flatMap((chunk) => front.receive(chunk));
      equal(
        answered.map((event) => (event.type === "end" ? event.applicationStatus : event.type)),
        ["stdout", 3],
      );
    },
  },
  {
    name: "capture: what is written as pcapng is read back, followed and explained",
    async run({ capture, connection }) {
      const front = new connection.WebServerConnection();
      const params = [["REQUEST_METHOD", "GET"]] as const;
      front.endStdin(front.begin({ role: "responder", keepConnection: false, params }));
      const back = new connection.ApplicationConnection();
      const sent = front.takeOutput();
      for (const chunk of sent) back.receive(chunk);
      back.writeStdout(1, text.encode("Content-Type: text/plain\r\n\r\nhello"));
      back.endRequest(1, 0);

      const writer = new capture.PcapngWriter();
      const tapped = writer.connect(1);
      const file = [writer.start(), tapped.opening];
      for (const chunk of sent) file.push(tapped.data("to-application", 2, chunk));
      for (const chunk of back.takeOutput()) file.push(tapped.data("to-web-server", 3, chunk));
      const whole = new Uint8Array(await new Blob(file).arrayBuffer());

      const [followed] = capture.followCapture(capture.readCapture(whole));
      equal(followed?.requests.length, 1, "requests");
      equal(followed?.requests[0]?.params, params);
      equal(followed?.requests[0]?.end?.protocolStatus, "request-complete");
      const fields = capture.annotate(sent[0] as Uint8Array).fields.map(({ name }) => name);
      equal(fields.slice(0, 2), ["version", "type"]);
      const refused = await failure((async () => capture.readCapture(text.encode("GET / HTTP/1.1")))());
      check(refused.code?.startsWith("CAPTURE_") === true, `code ${refused.code}`);
    },
  },
  {
    name: "client and server: a GET over streams",
    run: (modules, runtime) => joined(modules, application(), {}, (connected) => helloes(connected, runtime)),
  },
  {
    name: "client and server: a POST of 1 MB over streams comes back",
    run: (modules) => joined(modules, application(), {}, (connected) => echoes(connected, 1_000_000)),
  },
  {
    name: "client and server: a Request with a body of unknown length",
    run: (modules) =>
      joined(modules, application(), {}, async (connected) => {
        const request = new Request("http://localhost/echo", { method: "POST", body: "spooled" });
        equal(await (await connected.fetch(request)).text(), "spooled");
      }),
  },
  {
    name: "client and server: HEAD and 204 have no body, a handler that throws is a 500",
    run: (modules) =>
      joined(modules, application(), {}, async (connected) => {
        equal((await connected.fetch("/hello", { method: "HEAD" })).body, null);
        equal((await connected.fetch("/empty")).status, 204);
        equal((await connected.fetch("/throw")).status, 500);
      }),
  },
  {
    name: "client and server: 100 requests share connections, which the application's values allow",
    run: (modules) =>
      joined(modules, application(), { multiplex: true }, async (connected) => {
        await many(connected, 100);
        equal((await connected.values()).get("FCGI_MPXS_CONNS"), "1");
      }),
  },
  {
    name: "client and server: connections are kept",
    run: (modules, runtime) =>
      joined(modules, application(), { maxIdle: 2 }, async (connected) => {
        await many(connected, 20);
        await helloes(connected, runtime);
        equal(connected.counts().busy, 0);
      }),
  },
  {
    name: "client and server: an abort reaches the handler",
    run: async (modules) => {
      const seen = { aborted: false };
      await joined(modules, application(seen), {}, (connected) => aborts(connected, seen));
    },
  },
  {
    name: "client: an address that cannot be connected to is an error with a code",
    async run({ client }) {
      const { code } = await failure(client.connect("tcp://127.0.0.1:1").fetch("/"));
      check(code === "EXCHANGE_CONNECT" || code === "CLIENT_TARGET", `the code is ${code}`);
    },
  },
  {
    name: "client: a request after close is refused",
    async run({ client }) {
      const connected = client.connect("tcp://127.0.0.1:1");
      await connected.close();
      equal((await failure(connected.fetch("/"))).code, "CLIENT_CLOSED");
    },
  },
  {
    name: "server: a role that is not played is refused",
    run: (modules) =>
      joined(modules, application(), {}, async (connected) => {
        equal((await failure(connected.fetch("/hello", { role: "authorizer" }))).code, "CLIENT_REFUSED");
      }),
  },
  {
    name: "sockets: GET, POST of 10 MB and 500 requests at the same time over TCP",
    needs: "sockets",
    run: (modules) =>
      listening(modules, "tcp://127.0.0.1:0", application(), {}, async (connected) => {
        await helloes(connected);
        await echoes(connected, 10_000_000);
        await many(connected, 500);
      }),
  },
  {
    name: "sockets: kept and shared connections over TCP",
    needs: "sockets",
    run: (modules) =>
      listening(modules, "tcp://127.0.0.1:0", application(), { maxIdle: 2, multiplex: true }, async (connected) => {
        await many(connected, 200);
        await many(connected, 200);
        await echoes(connected, 1_000_000);
      }),
  },
  {
    name: "sockets: an abort reaches the handler over TCP",
    needs: "sockets",
    run: async (modules) => {
      const seen = { aborted: false };
      await listening(modules, "tcp://127.0.0.1:0", application(seen), {}, async (connected, served) => {
        await aborts(connected, seen);
        await until(() => served.counts().requests === 0, "the request ends");
      });
    },
  },
  {
    name: "sockets: a server closes after what runs, and nothing listens then",
    needs: "sockets",
    run: (modules) =>
      listening(modules, "tcp://127.0.0.1:0", application(), { maxIdle: 1 }, async (connected, served) => {
        await helloes(connected);
        await served.close({ grace: 1000 });
        equal((await failure(connected.fetch("/hello"))).code, "EXCHANGE_CONNECT");
      }),
  },
  {
    name: "sockets: GET, POST and an abort over a Unix socket",
    needs: "folder",
    run: async (modules, { folder }) => {
      const seen = { aborted: false };
      await listening(modules, `unix:${folder}/contract.sock`, application(seen), {}, async (connected) => {
        await helloes(connected);
        await echoes(connected, 1_000_000);
        await aborts(connected, seen);
      });
    },
  },
];
