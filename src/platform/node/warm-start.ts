// The snapshot of one pool, master's view: made by its first child, or read from a file; until it is there, further
// children wait for it.

import { readFileSync, renameSync, writeFileSync } from "node:fs";
import type { Pair } from "../../codec/index.ts";
import { decodeSnapshot, encodeSnapshot } from "../../php/snapshot/encode.ts";
import type { Snapshot } from "../../php/snapshot/portable.ts";
import { changedSource } from "./source-files.ts";
import type { MadeSnapshot, WarmUpPlan } from "./thread-messages.ts";

/** How children start from one that was warmed. */
export interface SnapshotOptions {
  /**
   * Gives the CGI params (byte strings) of the requests that the first child runs before its snapshot is taken. They carry
   * no visitor's data. Default: none, so that PHP's own start is what is saved.
   */
  readonly warmUp?: () => Promise<readonly (readonly Pair[])[]>;
  /**
   * Keeps the snapshot in this file over restarts. It holds what the application's code and configuration hold, passwords
   * among it: only its owner can read it. One that was made of something else is made anew.
   */
  readonly file?: string;
  /** Told what becomes of it. */
  readonly onEvent?: (event: SnapshotEvent) => void;
}

/** What became of a snapshot. */
export type SnapshotEvent =
  /** The first child is warm; the next ones start from it. */
  | {
      readonly type: "taken";
      readonly bytes: number;
      readonly milliseconds: number;
      readonly problems: readonly string[];
    }
  /** It was read from its file. */
  | { readonly type: "loaded"; readonly bytes: number; readonly file: string }
  /** A file is not used: it belongs to something else, or cannot be read. */
  | { readonly type: "ignored"; readonly file: string; readonly reason: string }
  /** There is none; children start as if nobody had asked for it. */
  | { readonly type: "none"; readonly problems: readonly string[] };

/** What a child starts with. */
export interface WarmStartPart {
  readonly snapshot?: Snapshot;
  readonly warmUp?: WarmUpPlan;
}

export class WarmStart {
  readonly #options: SnapshotOptions;
  readonly #key: () => Promise<string>;
  readonly #root: string | undefined;
  #state: "none" | "making" | "done" = "none";
  #snapshot: Snapshot | undefined;
  #made = Promise.withResolvers<void>();

  /**
   * @param key gives the key of the snapshot that would be made now
   * @param root the real directory that is "/" to PHP, when it is another one
   */
  constructor(options: SnapshotOptions, key: () => Promise<string>, root: string | undefined) {
    this.#options = options;
    this.#root = root;
    this.#key = key;
  }

  /** Key of the snapshot, once there is one. */
  get key(): string | undefined {
    return this.#snapshot?.key;
  }

  /** What the next child starts with. The first one is asked to make the snapshot: tell `made`, or `failed`. */
  async next(): Promise<WarmStartPart> {
    if (this.#state === "making") await this.#made.promise;
    if (this.#state === "done") return this.#snapshot === undefined ? {} : { snapshot: this.#snapshot };
    this.#state = "making";
    try {
      const key = await this.#key();
      this.#snapshot = this.#load(key);
      if (this.#snapshot === undefined) {
        return { warmUp: { key, requests: (await this.#options.warmUp?.()) ?? [] } };
      }
      this.#settle();
      return { snapshot: this.#snapshot };
    } catch (error) {
      this.failed(error instanceof Error ? error.message : String(error));
      return {};
    }
  }

  made({ snapshot, problems, milliseconds }: MadeSnapshot): void {
    if (this.#state !== "making") return;
    this.#snapshot = snapshot;
    if (snapshot === undefined) this.#tell({ type: "none", problems });
    else this.#tell({ type: "taken", bytes: snapshot.bytes.length, milliseconds, problems });
    if (snapshot !== undefined) this.#keep(snapshot);
    this.#settle();
  }

  /** The first child ended before it was warm. Nobody tries again: what broke one would break the next. */
  failed(reason: string): void {
    if (this.#state !== "making") return;
    this.#tell({ type: "none", problems: [reason] });
    this.#settle();
  }

  #settle(): void {
    this.#state = "done";
    this.#made.resolve();
  }

  #tell(event: SnapshotEvent): void {
    this.#options.onEvent?.(event);
  }

  #load(key: string): Snapshot | undefined {
    const { file } = this.#options;
    if (file === undefined) return undefined;
    try {
      const read = readFileSync(file);
      const found = decodeSnapshot(read, key);
      if (found === undefined) {
        this.#tell({ type: "ignored", file, reason: "it was made with another PHP, php.ini or directories" });
        return undefined;
      }
      const changed = changedSource(found.sources ?? [], this.#root);
      if (changed !== undefined) {
        this.#tell({ type: "ignored", file, reason: `the application has changed: ${changed}` });
        return undefined;
      }
      // Threads share it.
      const bytes = new Uint8Array(new SharedArrayBuffer(found.bytes.length));
      bytes.set(found.bytes);
      this.#tell({ type: "loaded", file, bytes: bytes.length });
      return { ...found, bytes };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      const reason = error instanceof Error ? error.message : String(error);
      this.#tell({ type: "ignored", file, reason });
      return undefined;
    }
  }

  /** Whole or not at all, and for nobody else's eyes. */
  #keep(snapshot: Snapshot): void {
    const { file } = this.#options;
    if (file === undefined) return;
    const work = `${file}.${process.pid}`;
    try {
      writeFileSync(work, encodeSnapshot(snapshot), { mode: 0o600 });
      renameSync(work, file);
    } catch (error) {
      this.#tell({ type: "ignored", file, reason: error instanceof Error ? error.message : String(error) });
    }
  }
}
