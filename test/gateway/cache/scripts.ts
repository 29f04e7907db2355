// A cache before a script that a test writes, with a clock that the test moves.

import {
  type Cache,
  type CacheOptions,
  type CacheStatus,
  type Conditional,
  createCache,
  memoryStore,
  type ProduceAs,
} from "../../../src/gateway/cache/index.ts";

/** What a run of the script is told. `count`: runs so far, this one included. */
export interface Run {
  readonly count: number;
  readonly conditional: Conditional | undefined;
  readonly as: ProduceAs;
}

export type TestScript = (run: Run) => Response | Promise<Response>;

export interface Seen {
  readonly status: number;
  readonly cache: CacheStatus | undefined;
  readonly body: string;
  readonly headers: Headers;
}

export interface Site {
  readonly cache: Cache;
  readonly runs: Run[];
  readonly errors: unknown[];
  /** Milliseconds since the epoch. */
  time: number;
  /** Lets time pass. */
  pass(seconds: number): void;
  answer(
    path: string,
    init?: RequestInit,
    waiting?: Promise<unknown>[],
  ): Promise<{ response: Response; status: CacheStatus | undefined }>;
  ask(path: string, init?: RequestInit): Promise<Seen>;
  /** Waits until all that `answer` has begun is done; `ask` does so itself. */
  settled(): Promise<void>;
}

export const START = Date.UTC(2026, 0, 1);

export function siteOf(script: TestScript, options: Partial<CacheOptions> = {}): Site {
  const errors: unknown[] = [];
  const runs: Run[] = [];
  const waiting: Promise<unknown>[] = [];
  const cache = createCache({ store: memoryStore(), onError: (error) => errors.push(error), ...options });
  const site: Site = {
    cache,
    runs,
    errors,
    time: START,
    pass(seconds) {
      site.time += seconds * 1000;
    },
    answer(path, init, waitingHere = waiting) {
      return cache.handle(
        new Request(`http://example.test${path}`, init),
        async (conditional, as) => {
          const run = { count: runs.length + 1, conditional, as };
          runs.push(run);
          return script(run);
        },
        { now: () => site.time, waitUntil: (promise) => waitingHere.push(promise) },
      );
    },
    async ask(path, init) {
      const own: Promise<unknown>[] = [];
      const { response, status } = await site.answer(path, init, own);
      const body = await response.text();
      await Promise.all(own);
      return { status: response.status, cache: status, body, headers: response.headers };
    },
    async settled() {
      while (waiting.length > 0) await waiting.shift();
    },
  };
  return site;
}

/** A script that says how often it ran, with these headers. */
export function counting(headers: Record<string, string> = {}, status = 200): TestScript {
  return ({ count }) => new Response(`run ${count}`, { status, headers });
}

/** Bytes in pieces, and an end: by `close`, or by an error. */
export function streaming(pieces: readonly string[], error?: Error): ReadableStream<Uint8Array> {
  const left = pieces.map((piece) => new TextEncoder().encode(piece));
  return new ReadableStream({
    pull(controller) {
      const piece = left.shift();
      if (piece !== undefined) controller.enqueue(piece);
      else if (error !== undefined) controller.error(error);
      else controller.close();
    },
  });
}
