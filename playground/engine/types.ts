// What the playground's user interface sees of the engine. Everything here is plain data or asynchronous: the web server,
// the master and the children run in Workers, and this is the page.

import type { FastCgiRecord } from "../../src/codec/index.ts";
import type { PoolConfig, PoolConfigInput, PoolState, PoolStatus } from "../../src/fpm/index.ts";
import type { LogRecord } from "../../src/fpm/log.ts";
import type { Mail } from "../../src/mail/index.ts";
import type { LoadProgress } from "../../src/platform/browser/load-php.ts";

export type { FastCgiRecord, LoadProgress, LogRecord, PoolConfig, PoolConfigInput, PoolState, PoolStatus };

export type AsyncMode = "jspi" | "asyncify";

/** Where the scripts lie, as PHP sees it. */
export const DOCUMENT_ROOT = "/www";

/** `pm.status_path` and `ping.path` of the pool. */
export const STATUS_PATH = "/status";
export const PING_PATH = "/ping";

/** How a request of the web server reaches the application. */
export type Connections =
  /** A connection a request, closed after it: what nginx does unless told otherwise. The default. */
  | "own"
  /** A connection that is kept for the next request (`fastcgi_keep_conn on`); one request at a time. */
  | "kept"
  /** All requests at once on one connection, told apart by their request ids. */
  | "shared";

// --- the engine

export interface EngineOptions {
  /** Files of the site by their path in URLs ("/hello.php"). Default: none; see `EXAMPLES`. */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  /** Pool at the start. Default `DEFAULT_POOL`. */
  readonly pool?: PoolConfigInput;
  /** Version of PHP, one of `Engine.phpVersions`. Default: the newest. */
  readonly php?: string;
  /** How PHP waits. Default: what the browser can do. */
  readonly asyncMode?: AsyncMode;
  /** Whether scripts reach HTTP and HTTPS servers, where CORS allows. Default true. */
  readonly network?: boolean;
  /** Whether files survive a reload, where the browser can do that. Default true. */
  readonly keepFiles?: boolean;
  /** What is kept of the wire. */
  readonly wire?: Partial<WireLimits>;
  /** Milliseconds between two looks at the pool. Default 100. */
  readonly statusInterval?: number;
}

/** Everything the page can do. See `createEngine`. */
export interface Engine {
  /** Versions of PHP that were built in, such as ["8.2", "8.4"]. */
  readonly phpVersions: readonly string[];
  /** PHP at present. `php` events tell of changes. */
  readonly php: PhpState;
  readonly files: SiteFiles;
  readonly pool: PoolControl;
  readonly wire: Wire;
  /** Calls `listener` at each event of that name. Returns what stops it. */
  on<Name extends keyof EngineEvents>(name: Name, listener: (event: EngineEvents[Name]) => void): () => void;
  /**
   * Loads PHP and starts the pool. Called by the first request that needs them; safe to call again.
   *
   * @throws {EngineError} `PHP_BOOT`, `POOL_START_FAILED`; another call tries again
   */
  loadPhp(): Promise<void>;
  /** Takes another version from now on: loads it, then reloads the pool. */
  usePhp(version: string): Promise<void>;
  /**
   * Sends a request to the web server. Settles when the head of the answer is known. Failures of scripts, of children
   * and of the pool are answers with a status, as a visitor gets them.
   *
   * @throws {EngineError} `PHP_BOOT` when PHP cannot be loaded, `GATEWAY_BAD_REQUEST` for a header that cannot be sent
   * @throws `signal.reason` when it aborts; afterwards the abort is an ABORT_REQUEST on the wire
   */
  request(input: RequestInput, options?: { readonly signal?: AbortSignal }): Promise<EngineResponse>;
  /** Sends requests all at once, over one connection or one each. */
  batch(inputs: readonly RequestInput[], options: BatchOptions): Promise<BatchResult>;
  /** Opens a connection to the application on which any bytes may be sent. */
  open(): Promise<RawConnection>;
  /** Sends a request again and again. */
  load(options: LoadOptions): LoadRun;
  /** Runs the same request in fresh interpreters and in resident ones, one after the other. */
  compare(options: CompareOptions): Comparison;
  /** Ends every Worker. */
  close(): void;
}

export interface EngineEvents {
  /** PHP is loaded, starts, is ready, or could not be loaded. */
  readonly php: PhpState;
  /** The pool as it is: at each change, and while something runs, at most once in `statusInterval`. */
  readonly pool: PoolSnapshot;
  /** What the master logs, in php-fpm's words, and what the web server logs. */
  readonly log: EngineLog;
  /** A child has started. */
  readonly child: ChildStart;
  /** A script sent a mail: it goes nowhere but here. */
  readonly mail: SentMail;
  /** A script changed files of the site, or the page did. */
  readonly files: FilesChanged;
  /** Records and connections, in order, once an animation frame. The same as in `wire.events`. */
  readonly wire: readonly WireEvent[];
  /** The server Worker broke: nothing works any more, and a new engine must be made. */
  readonly failure: EngineError;
}

/** What the engine tells beside the codes of the parts that it is made of. */
export type EngineErrorCode = "ARCHIVE_LIMIT" | "ARCHIVE_NO_APPLICATION";

/** Made of every error of the engine's calls. `code` is stable: docs/errors.md. */
export class EngineError extends Error {
  override readonly name = "EngineError";
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

export interface PhpState {
  /** `none`: not asked for yet. `starting`: compiled, the first children start. */
  readonly stage: "none" | "loading" | "compiling" | "starting" | "ready" | "failed";
  /** Such as "8.4". */
  readonly version: string;
  readonly asyncMode: AsyncMode;
  /** Bytes that came, packed as they travel; `total` is known from the start. */
  readonly loaded: number;
  readonly total: number;
  readonly error?: { readonly code: string; readonly message: string };
}

export interface EngineLog extends Pick<LogRecord, "level" | "message" | "fields"> {
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly from: "master" | "web-server";
}

export interface SentMail extends Mail {
  /** Milliseconds since 1970. */
  readonly time: number;
}

export interface ChildStart {
  readonly pid: number;
  /** Milliseconds from the order for a Worker to a child that takes requests; `boot`: PHP's part of it. */
  readonly total: number;
  readonly boot: number;
  /** Bytes of linear memory. */
  readonly memory: number;
  /** Started for a single request of `compare`. */
  readonly single: boolean;
}

// --- files

export interface FilesChanged {
  /** Paths in URLs, as in `EngineOptions.files`; or absolute ones outside of the site ("file:/tmp/sessions/sess_..."). */
  readonly paths: readonly string[];
  /** The child whose script changed them; 0: the page. */
  readonly pid: number;
}

/** The files of the site. All children have them; a change counts from the next request on. */
export interface SiteFiles {
  /** Writes files, or removes those that are `null`, in all children. */
  change(changes: Readonly<Record<string, string | Uint8Array | null>>): Promise<void>;
  /** What is there, scripts' own files included. Sizes in bytes. */
  list(): Promise<readonly { readonly path: string; readonly size: number; readonly modified: number }[]>;
  /** `undefined` when there is no such file. */
  read(path: string): Promise<Uint8Array | undefined>;
  /** Where files are kept, and which address an application has. Opens them. */
  storage(): Promise<StorageState>;
  /** Forgets all files that are kept. The page must be loaded again afterwards. */
  reset(): Promise<void>;
  /**
   * Unpacks an application from a zip archive to `StorageState.site`, in the place of the one before.
   *
   * @throws {EngineError} `ARCHIVE_MALFORMED`, `ARCHIVE_UNSUPPORTED`, `ARCHIVE_LIMIT`, `ARCHIVE_NO_APPLICATION`; what was
   *   there before stays
   */
  unpack(zip: Blob, onProgress?: (progress: UnpackProgress) => void): Promise<UnpackProgress>;
}

/** Where files are, and what for. */
export interface StorageState {
  /** In the browser's private file system: a reload keeps them. Else in memory. */
  readonly kept: boolean;
  /** Why not: this browser or window keeps nothing, another page has the files, or they could not be opened. */
  readonly reason?: "unsupported" | "another-page" | "failed";
  /** Of `failed`. */
  readonly message?: string;
  /** Path of an application in URLs, with slashes around: "/playground/site/". */
  readonly site: string;
  /** Path of its first page, when there is one: "/playground/site/public/". */
  readonly application?: string;
}

/** How far an archive is unpacked. Bytes are those of the files. */
export interface UnpackProgress {
  readonly files: number;
  readonly totalFiles: number;
  readonly bytes: number;
  readonly totalBytes: number;
}

// --- requests

export interface RequestInput {
  /** Default GET. */
  readonly method?: string;
  /** Path and query ("/form.php?a=1"), as it goes out; not normalised. */
  readonly url: string;
  /** Cookie, Host and Content-Type too; repeated names are kept. Content-Length is added when there is a body. */
  readonly headers?: readonly (readonly [name: string, value: string])[];
  readonly body?: Uint8Array | undefined;
  /** Default "http". */
  readonly scheme?: "http" | "https";
  /** Default "own". */
  readonly connections?: Connections;
}

export interface EngineResponse {
  /** Number of the request: records of it carry the same in `WireRecord.request`. */
  readonly request: number;
  readonly status: number;
  readonly statusText: string;
  /** In their order, repeated names (Set-Cookie) kept. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** In pieces as they come. What is not read holds the script back after 1 MiB. Errors when the answer breaks off. */
  readonly body: ReadableStream<Uint8Array>;
  /** Settles when the request is over, however it ended. */
  readonly end: Promise<RequestEnd>;
  /** All of the body. Reads `body`. */
  bytes(): Promise<Uint8Array>;
  /** The same as UTF-8. */
  text(): Promise<string>;
}

export interface RequestEnd {
  /** Lines that the script wrote to STDERR, PHP's error log above all. At most 1,000. */
  readonly stderr: readonly string[];
  /** Why the web server answered itself (status 4xx, 5xx), or the answer broke off. */
  readonly error?: { readonly code: string; readonly message: string };
  readonly timings: Timings;
}

/** Milliseconds. */
export interface Timings {
  /** When the web server got the request, since 1970. */
  readonly started: number;
  /** From then to the head of the answer, and to its end. */
  readonly head: number;
  readonly total: number;
}

export interface BatchOptions {
  /** `shared`: one connection, opened for this batch and closed after it. `own`: one each. */
  readonly connections: "shared" | "own";
}

export interface BatchResult {
  /** In the order of the inputs. */
  readonly answers: readonly BatchAnswer[];
  /** Indexes of the inputs in the order in which their answers ended. */
  readonly order: readonly number[];
  /** Milliseconds for all of them. */
  readonly total: number;
}

export interface BatchAnswer {
  readonly request: number;
  readonly status: number;
  /** At most 64 KiB of it. */
  readonly body: Uint8Array;
  readonly timings: Timings;
  readonly error?: { readonly code: string; readonly message: string };
}

// --- the wire

export interface WireLimits {
  /** Events kept. Default 20,000. */
  readonly maxEvents: number;
  /** Bytes of records kept. Default 16 MiB. */
  readonly maxBytes: number;
}

/** Where a connection lies: between web server and master, or between master and child. */
export type Hop = "web" | "child";

/** To the application (the master, the child), or back. */
export type Direction = "to-application" | "to-web-server";

interface WireEventBase {
  /** Counts all events from 1; grows by one. */
  readonly seq: number;
  /** Milliseconds since 1970, with fractions. */
  readonly time: number;
  readonly hop: Hop;
  /** Number of the connection, unique over both hops. */
  readonly connection: number;
}

export interface WireRecord extends WireEventBase {
  readonly kind: "record";
  readonly direction: Direction;
  /** As in the header: `RecordType` of the codec. 0 when `malformed`. */
  readonly type: number;
  readonly requestId: number;
  readonly contentLength: number;
  readonly paddingLength: number;
  /** Number of the visitor's request that it belongs to; 0 where there is none (management records, raw connections). */
  readonly request: number;
  /** The whole record: header, content, padding. Not to be changed. */
  readonly bytes: Uint8Array;
  /** No record: bytes after a header with another version, or a record that the connection's end has cut. */
  readonly malformed: boolean;
}

export interface WireOpened extends WireEventBase {
  readonly kind: "opened";
  /** Of the child at the far end (hop "child"). */
  readonly pid: number;
  /** Opened by `Engine.open`, `batch` or a scenario; or to a child for a single request. */
  readonly origin: "web-server" | "raw" | "batch" | "pool" | "single";
}

export interface WireClosed extends WireEventBase {
  readonly kind: "closed";
  /** It broke instead of ending. */
  readonly error?: string;
}

export type WireEvent = WireRecord | WireOpened | WireClosed;

/** What passed, the last of it. */
export interface Wire {
  /** In order; the oldest are dropped beyond the limits. The same array for as long as it is not cleared: it changes. */
  readonly events: readonly WireEvent[];
  /** Bytes of the records kept. */
  readonly bytes: number;
  /** Events dropped since the start. */
  readonly dropped: number;
  /** Of connections that are open or of which an event is kept. */
  connection(number: number): WireOpened | undefined;
  /** Forgets all events; the numbers go on. */
  clear(): void;
  /** Stops or goes on recording. Nothing is copied while it stands. */
  record(on: boolean): void;
}

// --- raw connections

/** A connection to the real application side, for any bytes. */
export interface RawConnection {
  /** As in `WireEvent.connection`. */
  readonly connection: number;
  /** Records received, in order. */
  readonly records: readonly RawRecord[];
  /** What the application side complained about. */
  readonly errors: readonly RawError[];
  /** Settles when the connection is over, with the error when it broke. */
  readonly closed: Promise<{ readonly error?: string }>;
  /** Whether it is over. */
  readonly ended: boolean;
  send(bytes: Uint8Array): void;
  /** Ends it after what was sent. */
  close(): void;
  /** Breaks it at once. */
  reset(): void;
  /** Calls `listener` after each record, each error and the end. Returns what stops it. */
  onChange(listener: () => void): () => void;
  /** Settles once `test` holds; false when it does not within `timeout` milliseconds. Looked at after each change. */
  until(test: (connection: RawConnection) => boolean, timeout: number): Promise<boolean>;
}

export interface RawRecord {
  readonly time: number;
  /** Header, content and padding. */
  readonly bytes: Uint8Array;
  /** `undefined` for bytes that are no record. */
  readonly record: FastCgiRecord | undefined;
}

export interface RawError {
  readonly time: number;
  /** Stable: docs/errors.md. */
  readonly code: string;
  readonly message: string;
}

// --- the pool

export interface PoolSnapshot {
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly state: PoolState;
  readonly config: PoolConfig;
  /** The scoreboard: counters, queue, one row a child. */
  readonly status: PoolStatus;
}

export type StatusFormat = "text" | "html" | "json" | "xml" | "openmetrics";

export interface PoolControl {
  /** The last one that was told; `undefined` before the first. */
  readonly snapshot: PoolSnapshot | undefined;
  /**
   * Brings other numbers into force at once, without a reload: missing children start, surplus ones leave after their
   * request. What is absent keeps its value; `undefined` brings back the default.
   *
   * @throws {EngineError} `CONFIG_INVALID`, with all problems in its message
   */
  configure(change: PoolConfigInput): Promise<PoolConfig>;
  /** Ends a child in the middle of whatever it does. False when there is no such child. */
  kill(pid: number): Promise<boolean>;
  /** SIGUSR2: new children take over. Settles when the old ones are gone. */
  reload(): Promise<void>;
  /** The real status page of the master, asked for over FastCGI. */
  statusPage(format?: StatusFormat, full?: boolean): Promise<{ readonly contentType: string; readonly body: string }>;
}

// --- load

export interface LoadOptions {
  readonly request: RequestInput;
  /** Requests in all. Default 100. At most 100,000. */
  readonly total?: number;
  /** Requests at a time. Default 4. */
  readonly concurrency?: number;
  /** Most requests a second. Default: as fast as they go. */
  readonly rate?: number;
  /** Told of the progress about ten times a second, and at the end. */
  readonly onProgress?: (progress: LoadProgressReport) => void;
}

export interface LoadRun {
  /** Settles when all requests are over, or the run was stopped. */
  readonly done: Promise<LoadProgressReport>;
  /** Sends no more; what runs is finished. */
  stop(): void;
}

export interface LoadProgressReport {
  readonly sent: number;
  readonly done: number;
  /** Answers by status. */
  readonly statuses: Readonly<Record<number, number>>;
  /** Milliseconds since the start. */
  readonly elapsed: number;
  /** Requests a second since the start. */
  readonly perSecond: number;
  /** Milliseconds from request to the end of the answer. */
  readonly latency: Quantiles;
  readonly finished: boolean;
}

export interface Quantiles {
  readonly mean: number;
  readonly p50: number;
  readonly p95: number;
  readonly max: number;
}

// --- CGI against FastCGI

export interface CompareOptions {
  readonly request: RequestInput;
  /** Requests of each kind. Default 10, at most 200. */
  readonly count?: number;
  readonly onSample?: (sample: CompareSample) => void;
}

export interface CompareSample {
  /** `cgi`: a Worker and an interpreter started for this request and ended after it. `fastcgi`: a resident child. */
  readonly kind: "cgi" | "fastcgi";
  /** 0-based, of its kind. */
  readonly index: number;
  readonly status: number;
  /** Milliseconds: the start of the interpreter (0 for `fastcgi`), the request itself, both. */
  readonly start: number;
  readonly run: number;
  readonly total: number;
}

export interface Comparison {
  readonly done: Promise<CompareResult>;
  stop(): void;
}

export interface CompareResult {
  readonly samples: readonly CompareSample[];
  /** Of `total`, by kind. */
  readonly cgi: Quantiles;
  readonly fastcgi: Quantiles;
  /** Median of `cgi` over median of `fastcgi`. */
  readonly ratio: number;
}
