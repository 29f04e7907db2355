// FastCGI clients for the system tests: one that behaves, and one that sends whatever bytes it is told.

import { connect as connectSocket, type Socket } from "node:net";
import {
  decodeRecord,
  encodeBeginRequest,
  encodeParams,
  encodeRecord,
  type FastCgiRecord,
  type Pair,
  RecordDecoder,
  type Role,
} from "../../src/codec/index.ts";
import type { ExchangeEnd } from "../../src/transport/exchange.ts";
import { connectAddress } from "../../src/transport/node/connect.ts";
import { WebServerLink } from "../../src/transport/web-server-link.ts";
import type { FastCgiAddress } from "../peers/address.ts";

export interface Answer {
  readonly head: string;
  readonly body: string;
  readonly stderr: string;
  readonly end: ExchangeEnd;
}

/** A connection that carries any number of requests at a time. */
export async function openLink(address: FastCgiAddress): Promise<WebServerLink> {
  const where = address.kind === "tcp" ? { type: "tcp" as const, host: "127.0.0.1", port: address.port } : undefined;
  const connect = connectAddress(where ?? { type: "unix", path: address.kind === "unix" ? address.path : "" });
  return new WebServerLink(await connect(AbortSignal.timeout(5_000)), { keepConnection: true });
}

export function paramsOf(script: string, query = "", length = 0): Pair[] {
  return [
    ["SCRIPT_FILENAME", script],
    ["SCRIPT_NAME", script.slice(script.lastIndexOf("/"))],
    ["REQUEST_METHOD", length > 0 ? "POST" : "GET"],
    ["QUERY_STRING", query],
    ["REQUEST_URI", `/?${query}`],
    ["SERVER_PROTOCOL", "HTTP/1.1"],
    ["CONTENT_LENGTH", length > 0 ? String(length) : ""],
    ["CONTENT_TYPE", length > 0 ? "application/octet-stream" : ""],
  ];
}

export async function ask(link: WebServerLink, script: string, query = "", body?: Uint8Array): Promise<Answer> {
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  const end = await link.exchange(
    {
      role: "responder",
      params: paramsOf(script, query, body?.length),
      ...(body === undefined ? {} : { stdin: body }),
    },
    {
      stdout: (chunk) => void stdout.push(Buffer.from(chunk)),
      stderr: (chunk) => void stderr.push(Buffer.from(chunk)),
    },
    AbortSignal.timeout(25_000),
  );
  const all = Buffer.concat(stdout).toString();
  const split = all.indexOf("\r\n\r\n");
  return { head: all.slice(0, split), body: all.slice(split + 4), stderr: Buffer.concat(stderr).toString(), end };
}

/** BEGIN_REQUEST of a request, and its whole params. */
export function beginning(
  id: number,
  script: string,
  query = "",
  length = 0,
  role: Role | number = "responder",
): Buffer {
  const params = encodeParams(paramsOf(script, query, length));
  return Buffer.concat([
    encodeBeginRequest(id, role, true),
    ...params.map((content) => encodeRecord({ type: "params", requestId: id, content })),
    endOf("params", id),
  ]);
}

export function endOf(type: "params" | "stdin", requestId: number): Uint8Array {
  return encodeRecord({ type, requestId, content: new Uint8Array(0) });
}

/** A complete request without a body. */
export function whole(id: number, script: string, query = ""): Buffer {
  return Buffer.concat([beginning(id, script, query), endOf("stdin", id)]);
}

/** A connection that sends bytes as they are and reads records. */
export class RawConnection {
  readonly records: FastCgiRecord[] = [];
  /** Settles when the application has closed or reset the connection. */
  readonly ended: Promise<void>;
  readonly #socket: Socket;
  readonly #decoder = new RecordDecoder();
  #look: () => void = () => {};

  constructor(address: FastCgiAddress) {
    this.#socket =
      address.kind === "tcp"
        ? connectSocket({ port: address.port, host: "127.0.0.1", allowHalfOpen: true })
        : connectSocket({ path: address.path, allowHalfOpen: true });
    this.#socket.setNoDelay(true);
    this.#socket.on("error", () => {});
    this.#socket.on("data", (chunk: Buffer) => {
      this.#decoder.decode(chunk, (type, id, buffer, start, end) => {
        const record = decodeRecord(type, id, buffer, start, end);
        // The decoder's buffer is used again.
        this.records.push("content" in record ? { ...record, content: record.content.slice() } : record);
      });
      this.#look();
    });
    this.ended = new Promise((resolve) => {
      this.#socket.once("end", resolve);
      this.#socket.once("close", () => resolve());
    });
  }

  send(...parts: readonly Uint8Array[]): void {
    for (const part of parts) this.#socket.write(part);
  }

  /** Ends the sending side only. */
  finish(): void {
    this.#socket.end();
  }

  close(): void {
    this.#socket.destroy();
  }

  /** STDOUT of a request so far. */
  stdout(id: number): string {
    return this.#stream("stdout", id);
  }

  stderr(id: number): string {
    return this.#stream("stderr", id);
  }

  /** Waits for END_REQUEST of `id`, or fails when the application closes first or says nothing for `milliseconds`. */
  async end(id: number, milliseconds = 10_000): Promise<FastCgiRecord & { readonly type: "end-request" }> {
    return this.find(
      (record): record is FastCgiRecord & { readonly type: "end-request" } =>
        record.type === "end-request" && record.requestId === id,
      milliseconds,
    );
  }

  find<T extends FastCgiRecord>(matches: (record: FastCgiRecord) => record is T, milliseconds = 10_000): Promise<T> {
    return new Promise((resolve, reject) => {
      const fail = (why: string) => {
        clearTimeout(timer);
        const seen = this.records.map((record) => `${record.type} #${record.requestId}`).join(", ");
        reject(new Error(`${why}; records seen: ${seen}`));
      };
      const timer = setTimeout(() => fail("no such record came in time"), milliseconds);
      this.#look = () => {
        const found = this.records.find(matches);
        if (found === undefined) return;
        clearTimeout(timer);
        resolve(found);
      };
      this.#look();
      void this.ended.then(() => {
        this.#look();
        fail("the connection was closed");
      });
    });
  }

  /** Waits until the application closes the connection. */
  async closed(milliseconds = 10_000): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error("the connection stayed open")), milliseconds);
    });
    await Promise.race([this.ended, late]).finally(() => clearTimeout(timer));
  }

  #stream(type: "stdout" | "stderr", id: number): string {
    const parts = this.records.flatMap((record) =>
      record.type === type && record.requestId === id ? [Buffer.from(record.content)] : [],
    );
    return Buffer.concat(parts).toString();
  }
}
