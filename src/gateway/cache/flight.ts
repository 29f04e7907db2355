// One run of the script that several requests wait for. What passes between them is plain memory: on Workers a request
// must not touch another's streams.

import type { CacheEntry, Purge } from "./store.ts";

/** What a run of the script came to, for those who wait. */
export type Landing =
  /** Stored, or at least whole; `name` is the entry's in the store. */
  | { readonly type: "entry"; readonly entry: CacheEntry; readonly name: string }
  /** The script failed, and this may be sent in its place. */
  | { readonly type: "stale"; readonly entry: CacheEntry }
  /** The response is for one visitor only, or too long to be kept. */
  | { readonly type: "not-shared" }
  /** Purged while it was made: to be made again for whoever asks now. */
  | { readonly type: "purged" }
  | { readonly type: "failed"; readonly error: unknown };

export class Flight {
  /** The cache key asked for. */
  readonly key: string;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  /** There was nothing under the key when it began. */
  readonly fills: boolean;
  /** Settles when it is known what came of it. Never rejects. */
  readonly landed: Promise<Landing>;
  /** Purges since it began: they are about its response too. */
  readonly purges: Purge[] = [];
  #land!: (landing: Landing) => void;

  constructor(key: string, startedAt: number, fills: boolean) {
    this.key = key;
    this.startedAt = startedAt;
    this.fills = fills;
    this.landed = new Promise((resolve) => {
      this.#land = resolve;
    });
  }

  /** Tells those who wait. Only the first call counts. */
  land(landing: Landing): void {
    this.#land(landing);
  }
}

/**
 * Waits, but not for ever: the one who runs the script may be gone, and on Workers its promises with it.
 *
 * @returns `undefined` after `milliseconds`
 */
export async function within<T>(promise: Promise<T>, milliseconds: number): Promise<T | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    return await Promise.race([
      promise,
      new Promise<undefined>((resolve) => {
        timer = setTimeout(() => resolve(undefined), Math.max(0, milliseconds));
      }),
    ]);
  } finally {
    clearTimeout(timer);
  }
}
