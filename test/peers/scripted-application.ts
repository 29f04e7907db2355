// A FastCGI application that a test scripts byte by byte: it does what no sound one does. Over TCP or a Unix socket.

import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { decodeParams, RecordDecoder, RecordType } from "../../src/codec/index.ts";
import type { Address } from "../../src/transport/address.ts";
import { makeScratch } from "./scratch.ts";

/** A request that came whole: its params and STDIN have ended. */
export interface ScriptedRequest {
  readonly id: number;
  readonly params: Readonly<Record<string, string>>;
  readonly stdin: Uint8Array;
  readonly keepConnection: boolean;
  /** Requests of this connection so far, with this one. */
  readonly nth: number;
  readonly socket: Socket;
  /** Sends bytes, joined. */
  write(...parts: readonly Uint8Array[]): void;
  /** Ends the sending side. */
  end(): void;
  /** Breaks the connection: a reset on TCP, a plain end on a Unix socket. */
  reset(): void;
}

export interface ScriptedOptions {
  readonly listen?: "tcp" | "unix";
  /** Called for each request. */
  readonly answer: (request: ScriptedRequest) => void | Promise<void>;
  /** Called for each connection; `false`: the application reads nothing of it. */
  readonly accept?: (socket: Socket, nth: number) => boolean;
}

export interface ScriptedApplication {
  readonly address: Address;
  /** Connections so far. */
  readonly connections: number;
  /** Requests so far. */
  readonly requests: number;
  close(): Promise<void>;
}

/** Starts to listen. */
export async function startScriptedApplication(options: ScriptedOptions): Promise<ScriptedApplication> {
  const scratch = options.listen === "unix" ? makeScratch("scripted") : undefined;
  const sockets = new Set<Socket>();
  let connections = 0;
  let requests = 0;
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => {});
    if (options.accept?.(socket, connections) === false) return;
    socket.on("end", () => socket.end());
    readRequests(socket, (request) => {
      requests += 1;
      void options.answer(request);
    });
  });
  const path = scratch && join(scratch.path, "app.sock");
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(path === undefined ? { host: "127.0.0.1", port: 0 } : { path }, resolve);
  });
  const bound = server.address();
  const port = typeof bound === "object" && bound !== null ? bound.port : 0;
  return {
    address: path === undefined ? { type: "tcp", host: "127.0.0.1", port } : { type: "unix", path },
    get connections() {
      return connections;
    },
    get requests() {
      return requests;
    },
    close() {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => {
        server.close(() => {
          scratch?.remove();
          resolve();
        });
      });
    },
  };
}

interface Reading {
  keepConnection: boolean;
  params: Uint8Array[];
  stdin: Uint8Array[];
}

function readRequests(socket: Socket, answer: (request: ScriptedRequest) => void): void {
  const decoder = new RecordDecoder();
  const open = new Map<number, Reading>();
  let nth = 0;
  socket.on("data", (chunk) => {
    decoder.decode(chunk as Buffer, (type, id, buffer, start, end) => {
      const content = buffer.slice(start, end);
      if (type === RecordType.BEGIN_REQUEST) {
        open.set(id, { keepConnection: content[2] === 1, params: [], stdin: [] });
        return;
      }
      const reading = open.get(id);
      if (reading === undefined) return;
      if (type === RecordType.PARAMS) reading.params.push(content);
      else if (type === RecordType.ABORT_REQUEST) open.delete(id);
      else if (type === RecordType.STDIN && content.length > 0) reading.stdin.push(content);
      else if (type === RecordType.STDIN) {
        open.delete(id);
        nth += 1;
        answer({
          id,
          nth,
          params: Object.fromEntries(decodeParams(Buffer.concat(reading.params))),
          stdin: Buffer.concat(reading.stdin),
          keepConnection: reading.keepConnection,
          socket,
          write: (...parts) => {
            if (socket.writable) socket.write(Buffer.concat(parts));
          },
          end: () => socket.end(),
          reset: () => (socket.remoteAddress === undefined ? socket.destroy() : socket.resetAndDestroy()),
        });
      }
    });
  });
}

export interface RecordOptions {
  readonly version?: number;
  /** Bytes; default none. */
  readonly padding?: number;
}

/** One record, with whatever numbers it is given. */
export function rawRecord(
  type: number,
  id: number,
  content: Uint8Array | string = "",
  options: RecordOptions = {},
): Uint8Array {
  const bytes = typeof content === "string" ? Buffer.from(content, "latin1") : content;
  const { version = 1, padding = 0 } = options;
  const header = [version, type, id >> 8, id & 255, bytes.length >> 8, bytes.length & 255, padding, 0];
  return Buffer.concat([Buffer.from(header), bytes, Buffer.alloc(padding, 0x50)]);
}

/** STDOUT. */
export function stdout(id: number, content: Uint8Array | string, options?: RecordOptions): Uint8Array {
  return rawRecord(RecordType.STDOUT, id, content, options);
}

/** END_REQUEST. */
export function endRequest(id: number, protocolStatus = 0, options?: RecordOptions): Uint8Array {
  return rawRecord(RecordType.END_REQUEST, id, Uint8Array.of(0, 0, 0, 0, protocolStatus, 0, 0, 0), options);
}

/** A whole answer as a sound application gives it: text with a head. */
export function answerOf(id: number, body: string): Uint8Array {
  return Buffer.concat([stdout(id, `Content-Type: text/plain\r\n\r\n${body}`), endRequest(id)]);
}
