// `edge-fpm proxy`: sits between a web server and an application, shows the records that pass, and writes them down.

import { createConnection, type Socket } from "node:net";
import type { CaptureEvent } from "../capture/capture.ts";
import { Follower } from "../capture/follow.ts";
import { type CapturedItem, RecordCutter } from "../capture/records.ts";
import { type Address, formatAddress } from "../transport/address.ts";
import { listenSockets } from "../transport/node/listen.ts";
import { addressOption } from "./address.ts";
import { coloursFor } from "./colours.ts";
import type { Arguments, Command } from "./command.ts";
import { itemFields, itemLine } from "./decode-text.ts";
import { CliError, listenFailure, messageOf } from "./failure.ts";
import { CaptureFile, now } from "./proxy-file.ts";
import { breakOff, relay, type Tap } from "./proxy-relay.ts";
import { untilStopped } from "./shutdown.ts";
import { print, stopWhenNobodyReads } from "./standard-output.ts";
import { note } from "./terminal.ts";

/** How long a connection to the application may take, in milliseconds. */
const CONNECT_TIMEOUT = 10_000;

export const proxy: Command = {
  name: "proxy",
  usage: "<listen> <upstream> [options]",
  summary: "Sit between a web server and an application, show the records that pass, and write them as pcapng",
  options: {
    pretty: { type: "boolean", help: "show every field of every record (one line a record)" },
    quiet: { type: "boolean", help: "show nothing; for --write" },
    write: {
      type: "string",
      short: "w",
      value: "<file>",
      help: "write what passes as pcapng, for edge-fpm decode and Wireshark",
    },
  },
  examples: [
    "edge-fpm proxy 127.0.0.1:9001 unix:/run/php/php8.2-fpm.sock      # nginx: fastcgi_pass 127.0.0.1:9001;",
    "edge-fpm proxy /tmp/tap.sock 127.0.0.1:9000 --write capture.pcapng",
    "edge-fpm decode capture.pcapng --follow",
    "wireshark -d tcp.port==9000,fcgi capture.pcapng",
  ],
  notes: ["Bytes pass unchanged, with ends, resets and backpressure. Ctrl-C ends with 0; 2: a wrong option."],
  run,
};

interface Counts {
  connections: number;
  open: number;
  requests: number;
  records: number;
  bytes: number;
  problems: number;
}

async function run(args: Arguments): Promise<number> {
  const [from, to, ...more] = args.positionals;
  if (from === undefined || to === undefined || more.length > 0) {
    throw new CliError("Needs the address to listen on and that of the application.", {
      exitCode: 2,
      hint: "See: edge-fpm proxy --help",
    });
  }
  const upstream = addressOption(to);
  const path = args.text("write");
  const file = path === undefined ? undefined : new CaptureFile(path, (message) => note(`edge-fpm: ${message}`));
  stopWhenNobodyReads();

  const counts: Counts = { connections: 0, open: 0, requests: 0, records: 0, bytes: 0, problems: 0 };
  const show = args.flag("quiet") ? "nothing" : args.flag("pretty") ? "fields" : "lines";
  const running = new Set<Watched>();
  const listen = addressOption(from);
  const listener = await listenSockets(listen, (socket) => {
    const watched = new Watched(++counts.connections, socket, upstream, { counts, file, show });
    running.add(watched);
    counts.open += 1;
    void watched.run().finally(() => {
      running.delete(watched);
      counts.open -= 1;
    });
  }).catch((error: unknown) => {
    throw listenFailure(error, formatAddress(listen));
  });

  note(`${formatAddress(listener.address)}  passes on to ${formatAddress(upstream)}`);
  if (path !== undefined) note(`  writes ${path}`);
  const code = await untilStopped(
    async () => {
      await listener.close();
      await Promise.all([...running].map((watched) => watched.finish()));
    },
    async () => {
      for (const watched of running) watched.abandon();
    },
  );
  file?.close();
  const { connections, requests, records, bytes, problems } = counts;
  note(`${connections} connections, ${requests} requests, ${records} records, ${bytes} bytes, ${problems} problems.`);
  return code;
}

interface WatchOptions {
  readonly counts: Counts;
  readonly file: CaptureFile | undefined;
  readonly show: "nothing" | "lines" | "fields";
}

/** How often a connection that shall end is asked whether its requests have ended, in milliseconds. */
const FINISH_POLL = 50;

/** One connection through the proxy. */
class Watched {
  readonly #number: number;
  readonly #webServer: Socket;
  readonly #upstream: Address;
  readonly #options: WatchOptions;
  readonly #follower = new Follower({ forgetEnded: true, maxKept: 0 });
  readonly #cutters = {
    "to-application": new RecordCutter("to-application"),
    "to-web-server": new RecordCutter("to-web-server"),
  };
  #application: Socket | undefined;
  #done = false;

  constructor(number: number, webServer: Socket, upstream: Address, options: WatchOptions) {
    this.#number = number;
    this.#webServer = webServer;
    this.#upstream = upstream;
    this.#options = options;
  }

  /** Connects to the application and passes everything on. Never rejects. */
  async run(): Promise<void> {
    const early = () => {};
    this.#webServer.pause();
    this.#webServer.on("error", early);
    try {
      this.#application = await connect(this.#upstream);
    } catch (error) {
      note(`edge-fpm: connection ${this.#number}: ${messageOf(error)}`);
      breakOff(this.#webServer);
      this.#done = true;
      return;
    }
    const webServer = addressOf(this.#webServer);
    const written = this.#options.file?.connect(`${webServer} to ${formatAddress(this.#upstream)}`);
    const tap: Tap = {
      bytes: (direction, chunk) => {
        written?.bytes(direction, chunk);
        this.#options.counts.bytes += chunk.length;
        return this.#see({ type: "bytes", direction, time: now(), bytes: chunk });
      },
      end: (direction) => {
        written?.end(direction);
        void this.#see({ type: "end", direction, time: now(), how: "closed" });
      },
      reset: (direction) => {
        written?.reset(direction);
        void this.#see({ type: "end", direction, time: now(), how: "reset" });
      },
    };
    await relay(this.#webServer, this.#application, tap);
    this.#done = true;
  }

  /** Ends the connection once no request is open. */
  async finish(): Promise<void> {
    while (!this.#done && this.#follower.requests.some(({ end }) => end === undefined)) {
      await new Promise((resolve) => setTimeout(resolve, FINISH_POLL));
    }
    this.abandon();
  }

  /** Ends it at once. */
  abandon(): void {
    this.#webServer.destroy();
    this.#application?.destroy();
  }

  #see(event: CaptureEvent): Promise<void> | undefined {
    const cutter = this.#cutters[event.direction];
    let items: readonly CapturedItem[];
    if (event.type === "bytes") items = cutter.push(event.bytes, event.time);
    else if (event.type === "end") items = [...cutter.end(event.time), event];
    else items = [];
    let wait: Promise<void> | undefined;
    for (const item of items) wait = this.#tell(item) ?? wait;
    return wait;
  }

  #tell(item: CapturedItem): Promise<void> | undefined {
    const { counts, show } = this.#options;
    const followed = this.#follower.push(item);
    if (item.type === "record") counts.records += 1;
    if (followed.applicationInput === "begin") counts.requests += 1;
    counts.problems += followed.problems.length;
    if (show === "nothing") return undefined;
    const colours = coloursFor(process.stdout);
    const line = itemLine(followed, { colours, connection: this.#number, time: clock });
    return print(`${line}\n${show === "fields" ? itemFields(followed, colours) : ""}`);
  }
}

function connect(address: Address): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const target = address.type === "unix" ? { path: address.path } : { host: address.host, port: address.port };
    const socket = createConnection({ ...target, allowHalfOpen: true });
    const fail = (reason: string) => {
      socket.destroy();
      reject(new Error(`cannot connect to ${formatAddress(address)}: ${reason}`));
    };
    const failed = (error: Error) => fail(error.message);
    socket.setTimeout(CONNECT_TIMEOUT, () => fail(`no answer within ${CONNECT_TIMEOUT} ms`));
    socket.once("error", failed);
    socket.once("connect", () => {
      socket.setTimeout(0);
      socket.removeAllListeners("timeout");
      socket.removeListener("error", failed);
      socket.pause();
      resolve(socket);
    });
  });
}

function addressOf(socket: Socket): string {
  const { remoteAddress, remotePort } = socket;
  return remoteAddress === undefined ? "a Unix socket" : `${remoteAddress}:${remotePort}`;
}

/** The time of day, to the microsecond. */
function clock(time: number | undefined): string {
  if (time === undefined) return "-".padStart(15);
  const date = new Date(time);
  const two = (part: number) => String(part).padStart(2, "0");
  const micros = String(Math.floor((time % 1000) * 1000)).padStart(6, "0");
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${micros}`;
}
