// What a gateway can be told, and what it does when it is not.

import { DEFAULT_MAX_HEADER_BYTES, type NameValue } from "../cgi/index.ts";
import type { Exchange } from "../transport/exchange.ts";
import type { CreateResponse } from "./answer/reply.ts";
import type { FileSource } from "./files.ts";
import type { Spool } from "./spool.ts";

/** Bounds on what a visitor or a script can make the gateway hold. Bytes. */
export interface GatewayLimits {
  /** Request body; beyond it 413. 100 MB, as PHP applications commonly ask of a host. */
  readonly maxBody: number;
  /** Request body held in memory; longer ones are streamed or spooled. nginx holds 16 KiB, which costs a file often. */
  readonly maxBodyInMemory: number;
  /** Request target; beyond it 414. As nginx's `large_client_header_buffers`. */
  readonly maxUri: number;
  /** Names and values of all request headers; beyond it 431. Four of nginx's 8 KiB buffers. */
  readonly maxRequestHeaders: number;
  /** A script's header block; beyond it 502. */
  readonly maxResponseHeaders: number;
  /** Response body on its way between script and visitor. */
  readonly responseBuffer: number;
  /** The same in the spool, where there is one, when its visitor is slow; 0 for never. As nginx's `max_temp_file_size`. */
  readonly responseSpool: number;
}

/** The limits of a gateway unless others are given. */
export const DEFAULT_LIMITS: GatewayLimits = {
  maxBody: 100 * 1000 * 1000,
  maxBodyInMemory: 1024 * 1024,
  maxUri: 8 * 1024,
  maxRequestHeaders: 4 * 8 * 1024,
  maxResponseHeaders: DEFAULT_MAX_HEADER_BYTES,
  responseBuffer: 64 * 1024,
  responseSpool: 1024 * 1024 * 1024,
};

/** Milliseconds; 0 for no limit. */
export interface GatewayTimeouts {
  /** Longest silence of the application while nothing of ours holds it up; then 504. As nginx's `fastcgi_read_timeout`. */
  readonly read: number;
  /** Longest silence of the visitor inside a request body; then 408. As nginx's `client_body_timeout`. */
  readonly body: number;
  /** How long a response with a known head waits for its end, to be sent in one piece. */
  readonly holdBack: number;
  /**
   * How long a visitor may hold a script up, in sum, before the rest of its output goes to the spool. Most visitors take an
   * answer faster than a disk would.
   */
  readonly spoolAfter: number;
}

/** The waits of a gateway unless others are given, in milliseconds. */
export const DEFAULT_TIMEOUTS: GatewayTimeouts = { read: 60_000, body: 60_000, holdBack: 2, spoolAfter: 500 };

/** The request that an error or a log line belongs to. */
export interface RequestName {
  readonly method: string;
  /** As the visitor sent it. */
  readonly target: string;
}

/** What a gateway is made of: files, an application, and how both are used. */
export interface GatewayOptions {
  /** The folder that `SCRIPT_FILENAME` is below, as the application sees it. */
  readonly documentRoot: string;
  /** The same folder, as the gateway sees it. */
  readonly files: FileSource;
  /** The application: a pool, a child, a php-fpm elsewhere. */
  readonly exchange: Exchange;
  /** Files that answer for their folder. `index.php`, then `index.html`. */
  readonly index?: readonly string[];
  /** The script for everything that does not exist, such as `/index.php`; without it that is 404. */
  readonly frontController?: string;
  /** `.php` alone. */
  readonly scriptExtensions?: readonly string[];
  /** More params for every request; one with the name of a meta-variable takes its place. UTF-8. */
  readonly params?: readonly NameValue[];
  /** SERVER_SOFTWARE. */
  readonly serverSoftware?: string;
  /** SERVER_NAME; what the Host header says when absent. */
  readonly serverName?: string;
  /** Passes request headers with underscores in their names. Off; see `CgiRequest.underscoresInHeaders`. */
  readonly underscoresInHeaders?: boolean;
  readonly limits?: Partial<GatewayLimits>;
  readonly timeouts?: Partial<GatewayTimeouts>;
  /**
   * Where long bodies wait: of requests until they are whole, of answers until a slow visitor takes them. Without it those
   * of known length are streamed, and requests of unknown length are refused with 411.
   */
  readonly spool?: Spool;
  /** Holds answers back for a moment, and reads ahead of a slow visitor. On; X-Accel-Buffering of a script overrides it. */
  readonly buffering?: boolean;
  /** Has the whole body of a request before the script runs, as far as there is room. On. */
  readonly requestBuffering?: boolean;
  /** How responses are made. The platform's `Response` when absent. */
  readonly createResponse?: CreateResponse;
  /** Tells the cause of 502, 503 and 504 in the header `X-Edge-FPM-Cause`. Off: the visitor learns the status only. */
  readonly debug?: boolean;
  /**
   * Told why a request failed, plain 404s included. The visitor learns the status only. Must not throw.
   *
   * @param status what the visitor has seen
   * @param broken the answer had begun, with that status, and broke off
   */
  readonly onError?: (error: unknown, request: RequestName, status: number, broken: boolean) => void;
  /** Told each line that a script writes to STDERR. Must not throw. */
  readonly onStderr?: (line: string, request: RequestName) => void;
}

/** What the HTTP server knows beside the `Request`. Everything may be missing. */
export interface RequestInfo {
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
  readonly serverAddress?: string | undefined;
  readonly serverPort?: number | undefined;
  /** `HTTP/1.1` and so on. */
  readonly protocol?: string | undefined;
  /** Taken from the URL when absent. */
  readonly scheme?: "http" | "https" | undefined;
  /** The request target exactly as it came, where the server can tell: `Request.url` has been normalised. */
  readonly target?: string | undefined;
  /** The request headers with repeated names, where the server can tell; else those of the `Request`. */
  readonly headers?: Iterable<NameValue> | undefined;
  /** Called before the request body is read: the server sends "100 Continue" then, if it was asked to. */
  readonly beginBody?: (() => void) | undefined;
  /**
   * The body, where the server has it at less cost than the `Request` does, or the `Request` cannot have it: with GET
   * and HEAD. Asked at most once, and then the body of the `Request` is left alone.
   */
  readonly body?: (() => ReadableStream<Uint8Array> | null) | undefined;
  /**
   * Calls back when the visitor leaves before the whole answer was sent, at once if that has happened; what it returns
   * forgets the callback. In place of the signal of the `Request`, where the server has something that costs less.
   */
  readonly whenGone?: ((callback: (reason: unknown) => void) => () => void) | undefined;
  /** Keeps the platform from ending the request's work with its answer, as on Workers. */
  readonly waitUntil?: ((promise: Promise<unknown>) => void) | undefined;
}
