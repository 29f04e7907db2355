// Two connections wired together, and helpers for a scripted peer.

import {
  concat,
  decodeRecord,
  encodeBeginRequest,
  encodeParams,
  encodeStream,
  encodeStreamEnd,
  type FastCgiRecord,
  type Pair,
  RecordDecoder,
  RecordType,
  type Role,
} from "../../src/codec/index.ts";
import {
  ApplicationConnection,
  type ApplicationEvent,
  type ApplicationOptions,
  WebServerConnection,
  type WebServerEvent,
} from "../../src/connection/index.ts";

/** Both sides of one connection. `cut` tells how many bytes each chunk has. */
export class Wired {
  readonly webServer = new WebServerConnection();
  readonly application: ApplicationConnection;
  readonly #cut: () => number;

  constructor(options: ApplicationOptions = {}, cut: () => number = () => Number.POSITIVE_INFINITY) {
    this.application = new ApplicationConnection(options);
    this.#cut = cut;
  }

  toApplication(): ApplicationEvent[] {
    return this.#carry(this.webServer.takeOutput()).flatMap((chunk) => [...this.application.receive(chunk)]);
  }

  toWebServer(): WebServerEvent[] {
    return this.#carry(this.application.takeOutput()).flatMap((chunk) => [...this.webServer.receive(chunk)]);
  }

  #carry(chunks: readonly Uint8Array[]): Uint8Array[] {
    const bytes = concat(chunks);
    const result: Uint8Array[] = [];
    for (let at = 0; at < bytes.length; ) {
      const end = Math.min(bytes.length, at + this.#cut());
      result.push(bytes.slice(at, end));
      at = end;
    }
    return result;
  }
}

export function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export function textOf(content: Uint8Array): string {
  return new TextDecoder().decode(content);
}

/** The records in queued output. */
export function records(chunks: readonly Uint8Array[]): FastCgiRecord[] {
  const found: FastCgiRecord[] = [];
  const decoder = new RecordDecoder();
  decoder.decode(concat(chunks), (type, id, buffer, start, end) => {
    found.push(decodeRecord(type, id, buffer, start, end));
  });
  decoder.end();
  return found;
}

/** BEGIN_REQUEST alone. */
export function begin(id: number, role: Role | number = "responder", keepConnection = true): Uint8Array {
  return encodeBeginRequest(id, role, keepConnection);
}

/** Params without their end. */
export function params(id: number, pairs: readonly Pair[]): Uint8Array {
  return concat(encodeParams(pairs).flatMap((block) => encodeStream(RecordType.PARAMS, id, block)));
}

export function paramsEnd(id: number): Uint8Array {
  return encodeStreamEnd(RecordType.PARAMS, id);
}

export function stdin(id: number, text = ""): Uint8Array {
  return text === ""
    ? encodeStreamEnd(RecordType.STDIN, id)
    : concat(encodeStream(RecordType.STDIN, id, bytesOf(text)));
}

export function data(id: number, text = ""): Uint8Array {
  return text === "" ? encodeStreamEnd(RecordType.DATA, id) : concat(encodeStream(RecordType.DATA, id, bytesOf(text)));
}
