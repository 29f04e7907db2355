// What scripts changed, on its way to the store: cut into batches, each sent until it is there. What another child did first
// is left out of it.

import {
  type Changes,
  CommitError,
  type FileClient,
  type FileOperation,
  type LockAnswer,
  type LockPlace,
  type LockWish,
} from "../../fs/index.ts";
import { operationsOf, type Taken } from "./change-log.ts";
import type { Entry, SharedNode } from "./shared-node.ts";
import type { SharedNodes } from "./shared-nodes.ts";

export interface BatchesParts {
  readonly nodes: SharedNodes;
  /** Brings in what an answer tells. */
  readonly apply: (changes: Changes) => void;
  /** Whether the life goes on: nothing that is answered after its end counts. */
  readonly isPresent: (client: FileClient) => boolean;
}

/** Locks to give back with a batch, and one to take. */
export interface CommitLocks {
  readonly unlock?: () => LockPlace[];
  readonly lock?: () => LockWish;
  readonly locked?: (lock: LockAnswer) => void;
}

/** Operations and bytes of one batch, below the store's own bounds. */
const BATCH_ENTRIES = 256;
const BATCH_BYTES = 4 * 1024 * 1024;

/** What another child did first: the operation is left out, the others are tried again. */
const HARMLESS = new Set(["ENOENT", "EEXIST", "ESTALE", "ENOTDIR", "EISDIR", "ENOTEMPTY", "ELOOP", "EINVAL"]);

export class Batches {
  readonly #parts: BatchesParts;
  /** Files that are in no directory any more and not open here: the store need not keep them for this child. */
  readonly #drops = new Set<number>();

  constructor(parts: BatchesParts) {
    this.#parts = parts;
  }

  /** A life begins. */
  clear(): void {
    this.#drops.clear();
  }

  /** To be told with the next batch. */
  drop({ ino }: SharedNode): void {
    this.#drops.add(ino);
  }

  /** Settles when everything is durable. @throws {FileError} */
  async send(client: FileClient, taken: Taken, locks: CommitLocks): Promise<void> {
    for (const content of taken.contents.values()) await content.sendAhead(client.staging);
    let rest = taken.entries;
    do {
      const now = this.#portion(rest, taken);
      rest = rest.slice(now.length);
      await this.#commit(client, now, taken, rest.length === 0 ? locks : {});
    } while (rest.length > 0);
  }

  /** As many entries as fit one batch. */
  #portion(entries: readonly Entry[], { contents }: Taken): Entry[] {
    let bytes = 0;
    const portion: Entry[] = [];
    for (const entry of entries) {
      const more = entry.type === "content" ? (contents.get(entry.shared)?.bytes ?? 0) : 0;
      if (portion.length > 0 && (portion.length >= BATCH_ENTRIES || bytes + more > BATCH_BYTES)) break;
      bytes += more;
      portion.push(entry);
    }
    return portion;
  }

  async #commit(
    client: FileClient,
    entries: readonly Entry[],
    { contents }: Taken,
    { unlock, lock, locked }: CommitLocks,
  ): Promise<void> {
    let rest = [...entries];
    const told = () => {
      for (const { shared, type } of entries) if (type === "content") shared.sending = false;
    };
    for (;;) {
      let origins: Entry[] = [];
      try {
        await client.commit(
          () => {
            const operations: FileOperation[] = [];
            origins = [];
            // Another child's file of the same name may have come in meanwhile.
            rest = rest.filter((entry) => entry.type !== "make" || entry.shared.created);
            for (const entry of rest) {
              const made = operationsOf(entry, contents.get(entry.shared));
              operations.push(...made);
              for (const _ of made) origins.push(entry);
            }
            const drop = [...this.#drops];
            this.#drops.clear();
            return { operations, drop, ...(unlock && { unlock: unlock() }), ...(lock && { lock: lock() }) };
          },
          ({ aliases, changes, lock: answer }) => {
            if (!this.#parts.isPresent(client)) return;
            this.#committed(rest, aliases);
            this.#parts.apply(changes);
            told();
            if (answer !== undefined) locked?.(answer);
          },
        );
        return;
      } catch (error) {
        const origin = error instanceof CommitError && error.operation !== undefined && origins[error.operation];
        if (!(error instanceof CommitError) || !origin || !HARMLESS.has(error.errno)) throw error;
        const adopted = origin.type === "make" && origin.shared.created;
        if (error.changes !== undefined) this.#parts.apply(error.changes);
        // The directory that was to be made is there by now, made by another child: the changes told its number.
        if (adopted && !origin.shared.created) continue;
        rest = rest.filter((entry) => entry !== origin);
        if (origin.type === "content") origin.shared.sending = false;
        this.#settled(origin);
      }
    }
  }

  #committed(entries: readonly Entry[], aliases: readonly (readonly [number, number])[]): void {
    const real = new Map(aliases);
    for (const entry of entries) {
      const { shared } = entry;
      if (entry.type === "make") {
        shared.created = false;
        const other = real.get(shared.ino);
        if (other !== undefined) this.#parts.nodes.renumber(shared, other);
      }
      this.#settled(entry);
    }
  }

  #settled({ type, shared }: Entry): void {
    if (type === "rename") shared.moves = Math.max(0, shared.moves - 1);
    if (type === "remove") this.#parts.nodes.forget(shared);
  }
}
