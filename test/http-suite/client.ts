// An HTTP client that hides nothing: raw paths, repeated headers in their order, bodies in pieces, a socket to drop.

import { Agent, type IncomingMessage, request } from "node:http";

export interface Ask {
  readonly method?: string;
  /** Sent as it is: not normalised, not escaped. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** Bytes are sent with their length; a list of pieces goes in chunks, without. */
  readonly body?: Uint8Array | string | readonly Uint8Array[];
  readonly agent?: Agent;
}

export interface Answer {
  readonly status: number;
  /** Names in lower case, in the order of the wire. Values are bytes read as Latin-1. */
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Buffer;
  /** The first value of a header. */
  header(name: string): string | undefined;
  text(): string;
  /** The body as JSON; throws with the body when it is none. */
  json(): unknown;
}

/** An answer whose body is still on its way. */
export interface Opened {
  readonly status: number;
  /** The next piece as text; `undefined` at the end. */
  next(): Promise<string | undefined>;
  /** Everything that is left, as text. */
  rest(): Promise<string>;
  /** Drops the connection as a visitor does who leaves. */
  abandon(): void;
}

/** Longest silence of a connection, in milliseconds: then the request fails instead of hanging. */
const SILENCE = 25_000;

function send(baseUrl: string, ask: Ask): Promise<IncomingMessage> {
  const { hostname, port } = new URL(baseUrl);
  return new Promise((resolve, reject) => {
    const { body } = ask;
    const method = ask.method ?? (body === undefined ? "GET" : "POST");
    const whole = typeof body === "string" || body instanceof Uint8Array;
    const headers = new Map<string, string | readonly string[]>(Object.entries(ask.headers ?? {}));
    if (whole) headers.set("content-length", String(Buffer.byteLength(body)));
    const outgoing = request({
      hostname,
      port,
      method,
      path: ask.path,
      agent: ask.agent ?? false,
      timeout: SILENCE,
      headers: Object.fromEntries(
        [...headers].map(([name, value]) => [name, typeof value === "string" ? value : [...value]]),
      ),
    });
    outgoing.once("response", resolve);
    outgoing.on("error", reject);
    outgoing.once("timeout", () => outgoing.destroy(new Error(`${method} ${ask.path}: silence for ${SILENCE} ms`)));
    const start = (): void => {
      if (body !== undefined && !whole) for (const piece of body) outgoing.write(piece);
      outgoing.end(whole ? body : undefined);
    };
    if (headers.has("expect")) outgoing.once("continue", start);
    else start();
  });
}

/** Sends a request and reads the whole answer. Rejects when the answer is cut short. */
export async function http(baseUrl: string, ask: Ask | string): Promise<Answer> {
  const message = await send(baseUrl, typeof ask === "string" ? { path: ask } : ask);
  const pieces: Buffer[] = [];
  for await (const piece of message) pieces.push(piece as Buffer);
  const body = Buffer.concat(pieces);
  const headers: (readonly [string, string])[] = [];
  for (let i = 0; i < message.rawHeaders.length; i += 2) {
    headers.push([(message.rawHeaders[i] ?? "").toLowerCase(), message.rawHeaders[i + 1] ?? ""]);
  }
  const text = (): string => body.toString("utf8");
  return {
    status: message.statusCode ?? 0,
    headers,
    body,
    header: (name) => headers.find(([seen]) => seen === name.toLowerCase())?.[1],
    text,
    json: () => {
      try {
        return JSON.parse(text());
      } catch {
        throw new Error(`not JSON (${message.statusCode}): ${text()}`);
      }
    },
  };
}

/** Sends a request and returns as soon as its header block is here. */
export async function open(baseUrl: string, ask: Ask): Promise<Opened> {
  const message = await send(baseUrl, ask);
  const pieces = message[Symbol.asyncIterator]();
  const next = async (): Promise<string | undefined> => {
    const piece = await pieces.next();
    return piece.done === true ? undefined : (piece.value as Buffer).toString("utf8");
  };
  return {
    status: message.statusCode ?? 0,
    next,
    rest: async () => {
      let text = "";
      for (let piece = await next(); piece !== undefined; piece = await next()) text += piece;
      return text;
    },
    abandon: () => {
      // Leaving is no failure of the test.
      message.on("error", () => undefined);
      message.destroy();
    },
  };
}

/** Connections kept open and used again. Call `destroy` when done. */
export function keepAlive(connections: number): Agent {
  return new Agent({ keepAlive: true, maxSockets: connections });
}
