// What `npm run test:apps` measures of an application: seconds to the first page, p50 of a warm page beside nginx and
// php-fpm in the same rounds, memory. In an ordinary run of the tests nothing is measured.

import { mkdirSync, writeFileSync } from "node:fs";
import { Agent, get } from "node:http";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, test } from "vitest";
import type { AppServer } from "../peers/app-server.ts";
import { missingPeers } from "../peers/peer.ts";

/** The folder that rows are written to; nothing is measured without. Set by main.ts. */
const FOLDER = process.env.APPS_FIGURES;

/** Whether this run measures: scenarios may do more than in an ordinary run, as `npm run test:apps` has no hurry. */
export const MEASURING: boolean = FOLDER !== undefined;

/** Where an application runs. */
export type Place = "Node, 3 children" | "Node, 2 children" | "workerd" | "playground" | "nginx and php-fpm";

/** A line of the table. Times in milliseconds unless the name says otherwise, memory in MiB. */
export interface AppRow {
  readonly application: string;
  readonly where: Place;
  readonly works: "yes" | "FAILED" | "skipped";
  /** From the server's start to the end of its first answer. */
  readonly firstPageSeconds?: number;
  readonly warm?: number;
  /** The same page from nginx and php-fpm with opcache and as many children, in the same rounds. */
  readonly native?: number;
  /** Most that `warm` may be beside `native`, as a factor. */
  readonly target?: number;
  /** The same page from the gateway's cache. */
  readonly cached?: number;
  readonly cachedTarget?: number;
  /** At the edge linear memory at its highest; elsewhere resident memory of the process for each child. */
  readonly memory?: number;
  readonly note?: string;
}

export interface Figures {
  readonly application: string;
  /** Nothing is recorded when absent. */
  readonly where: Place | undefined;
  readonly target?: number;
  readonly cachedTarget?: number;
  readonly note?: string;
}

/** A page of a server. `headers` may name another host than the server's address. */
export interface Source {
  readonly start: () => Promise<AppServer>;
  /** Path and query. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What is measured once a scenario's tests are over; its own server is still running then. */
export interface Measured extends Source {
  /** The same application on nginx and php-fpm with as many children; not asked for when these are not installed. */
  readonly native?: Source | undefined;
  /** The same page once the gateway has it in its cache. */
  readonly cached?: Source | undefined;
}

/** Rounds in which the servers are asked in turn, and pages of each in one round. */
const ROUNDS = 10;
const PAGES = 8;

/** Pages before the first round: every child has compiled its scripts then. */
const WARM_UP = { atOnce: 6, times: 5 };

/** Longest time that the whole measurement of one row may take, in milliseconds. */
const MEASURE_WITHIN = 300_000;

/**
 * Makes the tests of the surrounding `describe` a row of the table. Call it in the `describe`, after its tests and before
 * its `afterAll`; `measured` is called when they are over.
 */
export function recordFigures(figures: Figures, measured?: () => Measured | Promise<Measured>): void {
  const { where } = figures;
  if (FOLDER === undefined || where === undefined) return;
  const { application, target, cachedTarget, note } = figures;
  const file = join(FOLDER, `${application} ${where}.json`.replaceAll(/[^\w.]+/g, "-").toLowerCase());
  let row: AppRow = {
    application,
    where,
    works: "skipped",
    ...(target !== undefined && { target }),
    ...(cachedTarget !== undefined && { cachedTarget }),
    ...(note !== undefined && { note }),
  };
  const write = (more: Partial<AppRow>): void => {
    row = { ...row, ...more };
    mkdirSync(FOLDER, { recursive: true });
    writeFileSync(file, JSON.stringify(row));
  };
  let failed = false;
  let ended = 0;
  write({});
  // Until all is known to be well: a hook may fail, or the process end.
  beforeAll(() => write({ works: "FAILED" }));
  afterEach(({ task }) => {
    ended++;
    if ((task.result?.errors?.length ?? 0) > 0) failed = true;
  });
  if (measured !== undefined) {
    test(
      "is measured",
      async () => {
        write(await measure(await measured()));
      },
      MEASURE_WITHIN,
    );
  }
  // No test comes to its end when a hook before them fails.
  afterAll(() => write({ works: failed || ended === 0 ? "FAILED" : "yes" }));
}

async function measure(measured: Measured): Promise<Partial<AppRow>> {
  const sources = { warm: measured, native: hasNative() ? measured.native : undefined, cached: measured.cached };
  const running: {
    readonly name: keyof typeof sources;
    readonly ask: () => Promise<number>;
    readonly times: number[];
  }[] = [];
  const servers: AppServer[] = [];
  const agent = new Agent({ keepAlive: true });
  try {
    let firstPageSeconds = 0;
    for (const name of ["warm", "native", "cached"] as const) {
      const source = sources[name];
      if (source === undefined) continue;
      const began = performance.now();
      const server = await source.start();
      servers.push(server);
      const ask = () => page(new URL(source.path, server.baseUrl), source.headers ?? {}, agent);
      await ask();
      if (name === "warm") firstPageSeconds = (performance.now() - (server.startedAt ?? began)) / 1000;
      for (let i = 0; i < WARM_UP.times; i++) await Promise.all(Array.from({ length: WARM_UP.atOnce }, ask));
      running.push({ name, ask, times: [] });
    }
    for (let round = 0; round < ROUNDS; round++) {
      for (const { ask, times } of running) for (let i = 0; i < PAGES; i++) times.push(await ask());
    }
    const memory = await servers[0]?.memory?.();
    return {
      firstPageSeconds,
      ...Object.fromEntries(running.map(({ name, times }) => [name, median(times)])),
      ...(memory !== undefined && { memory: memory / (1024 * 1024) }),
    };
  } finally {
    agent.destroy();
    await Promise.all(servers.map((server) => server.stop()));
  }
}

/** Whether nginx and php-fpm are on this machine. */
const hasNative = (): boolean => missingPeers(["nginx", "php-fpm8.2"]).length === 0;

/** Milliseconds for one whole page. Anything but a 200 is no page. */
function page(url: URL, headers: Readonly<Record<string, string>>, agent: Agent): Promise<number> {
  return new Promise((resolve, reject) => {
    const began = performance.now();
    get(url, { agent, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        const took = performance.now() - began;
        if (response.statusCode === 200) resolve(took);
        else
          reject(
            new Error(`${url} answered ${response.statusCode}: ${Buffer.concat(chunks).toString().slice(0, 2000)}`),
          );
      });
    }).on("error", reject);
  });
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}
