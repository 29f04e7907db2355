// The snapshot of one pool, master's view: made by its first child, or read from a file; until it is there, further
// children wait for it.

import { createHash } from "node:crypto";
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { decodeSnapshot, encodeSnapshot } from "../../php/snapshot/encode.ts";
import type { Snapshot } from "../../php/snapshot/portable.ts";
import type { SnapshotEvent, SnapshotOptions } from "./snapshot-options.ts";
import { changedSource } from "./source-files.ts";
import type { MadeSnapshot, WarmUpPlan } from "./thread-messages.ts";

/** What a child starts with. */
export interface WarmStartPart {
  readonly snapshot?: Snapshot;
  readonly warmUp?: WarmUpPlan;
}

/** Milliseconds that a warm-up may take: the others wait for it, and need the rest of their pool's `startTimeout` to start. */
export const LONGEST_WARM_UP = 30_000;

export class WarmStart {
  readonly #options: SnapshotOptions;
  readonly #key: (requests: WarmUpPlan["requests"]) => Promise<string>;
  readonly #root: string | undefined;
  #state: "none" | "making" | "done" = "none";
  #snapshot: Snapshot | undefined;
  #made = Promise.withResolvers<void>();
  #late: NodeJS.Timeout | undefined;

  /**
   * @param key gives the key of the snapshot that would be made of these requests now
   * @param root the real directory that is "/" to PHP, when it is another one
   */
  constructor(
    options: SnapshotOptions,
    key: (requests: WarmUpPlan["requests"]) => Promise<string>,
    root: string | undefined,
  ) {
    this.#options = options;
    this.#root = root;
    this.#key = key;
  }

  /** Key of the snapshot, once there is one. */
  get key(): string | undefined {
    return this.#snapshot?.key;
  }

  /**
   * What the next child starts with. The first one is asked to make the snapshot: tell `made`, or `failed`.
   *
   * @param onLate called when its warm-up has taken so long that nobody should wait for it: a script may go on for ever
   */
  async next(onLate: (message: string) => void): Promise<WarmStartPart> {
    if (this.#state === "making") await this.#made.promise;
    if (this.#state === "done") return this.#snapshot === undefined ? {} : { snapshot: this.#snapshot };
    this.#state = "making";
    try {
      const requests = (await this.#options.warmUp?.()) ?? [];
      const key = await this.#key(requests);
      this.#snapshot = this.#load(key);
      if (this.#snapshot === undefined) {
        const longest = this.#options.longest ?? LONGEST_WARM_UP;
        const message = `the warm-up${namesOf(requests)} took longer than ${longest / 1000} seconds`;
        this.#late = setTimeout(() => onLate(message), longest).unref();
        return { warmUp: { key, requests } };
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
    this.#snapshot = snapshot && forThreads(snapshot);
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
    clearTimeout(this.#late);
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
      const end = Math.max(0, read.length - DIGEST);
      const found = decodeSnapshot(read.subarray(0, end), key);
      if (found !== undefined && !digestOf(read.subarray(0, end)).equals(read.subarray(end))) {
        throw new Error("it was damaged: its checksum is another one");
      }
      if (found === undefined) {
        this.#tell({ type: "ignored", file, reason: "it was made with another PHP, php.ini, warm-up or directories" });
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
      return forThreads({ ...found, bytes });
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
      const encoded = encodeSnapshot(snapshot);
      writeFileSync(work, Buffer.concat([encoded, digestOf(encoded)]), { mode: 0o600 });
      renameSync(work, file);
    } catch (error) {
      rmSync(work, { force: true });
      this.#tell({ type: "ignored", file, reason: error instanceof Error ? error.message : String(error) });
    }
  }
}

/** What is run, " of /a, /b": one of these goes on and on. */
function namesOf(requests: WarmUpPlan["requests"]): string {
  const names = requests.flatMap((params) => params.findLast(([name]) => name === "REQUEST_URI")?.[1] ?? []);
  return names.length === 0 ? "" : ` of ${names.join(", ").slice(0, LONGEST_NAMES)}`;
}

/** Characters. */
const LONGEST_NAMES = 200;

/** Bytes at a file's end by which damage is known: memory that is nearly right is worse than none. */
const DIGEST = 32;

function digestOf(bytes: Uint8Array): Buffer {
  return createHash("sha256").update(bytes).digest();
}

/** They need not know the application's files. */
function forThreads({ sources: _, ...snapshot }: Snapshot): Snapshot {
  return snapshot;
}
