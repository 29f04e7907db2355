// What the page and the server Worker send to each other. Both are of one build, so nothing is checked.

import type { PhpDownload } from "../../src/platform/browser/load-php.ts";
import type {
  AsyncMode,
  BatchOptions,
  BatchResult,
  CompareOptions,
  CompareResult,
  CompareSample,
  EngineEvents,
  LoadOptions,
  LoadProgressReport,
  PoolConfig,
  PoolConfigInput,
  RequestEnd,
  RequestInput,
  StorageState,
  UnpackProgress,
  WireClosed,
  WireLimits,
  WireOpened,
} from "./types.ts";

/** A version of PHP that was built in. */
export interface PhpBuild extends PhpDownload {
  /** Such as "8.4". */
  readonly version: string;
  readonly asyncMode: AsyncMode;
}

/** The first message to the Worker. */
export interface ServerSettings {
  readonly builds: readonly PhpBuild[];
  readonly php: string;
  readonly asyncMode: AsyncMode;
  readonly cacheName: string;
  /** Name of what is kept of files; `undefined`: nothing is. */
  readonly filesName: string | undefined;
  /** Path of an application in URLs, without a slash at its end. */
  readonly site: string;
  readonly pool: PoolConfigInput;
  readonly files: Readonly<Record<string, Uint8Array>>;
  readonly wire: WireLimits;
  readonly statusInterval: number;
  readonly network: boolean;
}

/** Calls with one answer. */
export interface ServerCalls {
  loadPhp(): void;
  usePhp(version: string): void;
  changeFiles(changes: Readonly<Record<string, Uint8Array | null>>): void;
  listFiles(): readonly { path: string; size: number; modified: number }[];
  readFile(path: string): Uint8Array | undefined;
  storage(): StorageState;
  resetFiles(): void;
  unpack(run: number, zip: Blob): UnpackProgress;
  configure(change: PoolConfigInput): PoolConfig;
  kill(pid: number): boolean;
  reload(): void;
  batch(inputs: readonly RequestInput[], options: BatchOptions): BatchResult;
  load(run: number, options: Omit<LoadOptions, "onProgress">): LoadProgressReport;
  compare(run: number, options: Omit<CompareOptions, "onSample">): CompareResult;
  /** Gives the connection's number. */
  openRaw(): number;
}

export type CallName = keyof ServerCalls;

export type ToServer =
  | { readonly type: "settings"; readonly settings: ServerSettings }
  | { readonly type: "call"; readonly id: number; readonly name: CallName; readonly values: readonly unknown[] }
  /** Answered by `head`, `chunk` and `end`, or by `error`. */
  | { readonly type: "request"; readonly id: number; readonly input: RequestInput }
  | { readonly type: "abort"; readonly id: number }
  /** Bytes of an answer that the page has read. */
  | { readonly type: "taken"; readonly id: number; readonly bytes: number }
  | { readonly type: "raw-send"; readonly connection: number; readonly bytes: Uint8Array }
  | { readonly type: "raw-close"; readonly connection: number; readonly reset: boolean }
  /** Ends a load or a comparison. */
  | { readonly type: "stop"; readonly run: number }
  /** A batch of the wire was shown: the next may come. */
  | { readonly type: "wire-shown" }
  | { readonly type: "wire-record"; readonly on: boolean };

export type ToPage =
  | { readonly type: "result"; readonly id: number; readonly value: unknown }
  | { readonly type: "error"; readonly id: number; readonly code: string; readonly message: string }
  | {
      readonly type: "head";
      readonly id: number;
      readonly request: number;
      readonly status: number;
      readonly statusText: string;
      readonly headers: readonly (readonly [string, string])[];
    }
  | { readonly type: "chunk"; readonly id: number; readonly bytes: Uint8Array }
  /** `broken`: the body is not whole. */
  | { readonly type: "end"; readonly id: number; readonly end: RequestEnd; readonly broken: boolean }
  | { readonly type: "event"; readonly name: EventName; readonly event: EngineEvents[EventName] }
  | { readonly type: "wire"; readonly batch: WireBatch }
  | { readonly type: "raw-data"; readonly connection: number; readonly bytes: Uint8Array }
  | { readonly type: "raw-error"; readonly connection: number; readonly code: string; readonly message: string }
  | { readonly type: "raw-end"; readonly connection: number; readonly error?: string }
  | { readonly type: "progress"; readonly run: number; readonly value: Progress };

/** What long calls tell while they go on. */
export type Progress = LoadProgressReport | CompareSample | UnpackProgress;

/** Events that the Worker makes. */
export type EventName = Exclude<keyof EngineEvents, "wire" | "failure">;

/** Events of the wire, packed: a record is a row of numbers and a piece of the bytes. */
export interface WireBatch {
  /** `WIRE_ROW` numbers a record: seq, time, connection, request, length of its bytes, flags. */
  readonly rows: Float64Array;
  readonly bytes: Uint8Array;
  readonly others: readonly (WireOpened | WireClosed)[];
  /** Events that were dropped before they could be sent. */
  readonly dropped: number;
}

export const WIRE_ROW = 6;

/** Flags of a row. */
export const CHILD_HOP = 1;
export const TO_WEB_SERVER = 2;
export const MALFORMED = 4;

/** Bytes of one answer on their way to the page, before the script is held back. */
export const RESPONSE_WINDOW = 1024 * 1024;
