// What the master and a child in a Web Worker say to each other beside the requests: messages of the file store above all.
// Both share one channel.

import type { ChildMessage, StoreAnswer } from "../../fs/index.ts";
import type { Mail } from "../../mail/index.ts";
import type { MessagePortLike } from "../../transport/message-port.ts";

/** A file's new content, or `null` for a file that is gone. */
export interface SharedFile {
  readonly bytes: Uint8Array;
  /** Milliseconds since 1970. */
  readonly modified: number;
}

/** Changes of files by their absolute path in PHP's file system. */
export type FileChanges = readonly (readonly [path: string, file: SharedFile | null])[];

/** A message to the file store, with the life of the child that sends it: 0 with a hello. */
export interface FileEnvelope {
  readonly life: number;
  readonly message: ChildMessage;
}

/** Everything a Web Worker needs to become a child. */
export interface WorkerChildSettings {
  readonly pid: number;
  /** URL of the glue, an ES module with the export `init`. */
  readonly glueUrl: string;
  readonly wasm: WebAssembly.Module;
  readonly asyncMode: "jspi" | "asyncify";
  /** php.ini beside our defaults: its text, and single settings. */
  readonly iniText: string;
  readonly iniSettings: Readonly<Record<string, string | number | boolean>>;
  /** Environment of the scripts, beside CHILD_PID. */
  readonly env: Readonly<Record<string, string>>;
  /** Directories whose files all children share. */
  readonly shared: readonly string[];
  /** Whether the master takes mails. */
  readonly mail: boolean;
  /** Whether scripts reach servers. */
  readonly network: boolean;
}

/** To the child. */
export type ChildOrder =
  | { readonly order: "start"; readonly settings: WorkerChildSettings }
  /** What the file store says to the message of that number. */
  | { readonly order: "file-answer"; readonly id: number; readonly answer: StoreAnswer }
  /** Finish what runs and end. */
  | { readonly order: "stop" }
  /** The answer to `status-wanted`. */
  | { readonly order: "status"; readonly id: number; readonly value: object | undefined }
  /** What became of a mail: why it was not taken, or nothing. */
  | { readonly order: "mail"; readonly id: number; readonly problem?: string };

/** From the child. */
export type ChildReport =
  /** `boot`: milliseconds that PHP took to start; `memory`: bytes of linear memory. */
  | { readonly report: "ready"; readonly boot: number; readonly memory: number }
  /** It cannot start, or the interpreter broke. */
  | { readonly report: "failed"; readonly code: string; readonly message: string }
  /** It has ended as it was asked to. */
  | { readonly report: "stopped" }
  /** For the file store: answered by `file-answer`. */
  | { readonly report: "file-message"; readonly id: number; readonly envelope: FileEnvelope }
  | { readonly report: "status-wanted"; readonly id: number }
  /** A script sends a mail. */
  | { readonly report: "mail"; readonly id: number; readonly mail: Mail };

/** A Web Worker, or its global scope. */
export interface WorkerEnd {
  postMessage(message: unknown, transfer: Transferable[]): void;
  addEventListener(type: string, listener: (event: { readonly data?: unknown }) => void): void;
}

/** One channel for both: a port for `messagePortTransport`, with the other messages taken out. */
export class SharedChannel<Other extends object> implements MessagePortLike {
  readonly #end: WorkerEnd;
  readonly #onOther: (message: Other) => void;

  /** @param onOther takes the messages that are no bytes of the wire */
  constructor(end: WorkerEnd, onOther: (message: Other) => void) {
    this.#end = end;
    this.#onOther = onOther;
    end.addEventListener("message", ({ data }) => {
      if (!isWire(data)) this.#onOther(data as Other);
    });
  }

  postMessage(message: unknown, transfer: ArrayBuffer[]): void {
    this.#end.postMessage(message, transfer);
  }

  addEventListener(type: string, listener: (event: { readonly type?: string; readonly data?: unknown }) => void): void {
    this.#end.addEventListener(type, (event) => {
      if (type !== "message" || isWire(event.data)) listener(event);
    });
  }
}

/** What `messagePortTransport` sends: bytes, credit, and the words for an end. */
function isWire(data: unknown): boolean {
  return data instanceof Uint8Array || typeof data === "number" || typeof data === "string";
}
