// The threads that children live in: started, kept ready, used again.

import { type TransferListItem, Worker } from "node:worker_threads";
import type { ThreadOrder, ThreadReport } from "./thread-messages.ts";

/** Whom a thread's news concern: the child that lives in it. */
export interface Tenant {
  onReport(report: ThreadReport): void;
  /** The thread itself has failed; it ends at once. */
  onError(error: Error): void;
  onExit(status: number): void;
  onOutput(stream: "stdout" | "stderr", text: string): void;
}

/**
 * Megabytes for objects of a thread that are still young: a request makes few, and the engine would let each thread fill
 * several times as much before it looks what of it is used still.
 */
const YOUNG_GENERATION = 6;

/** One worker thread. */
export class Thread {
  readonly #worker: Worker;
  #tenant: Tenant | undefined;
  /** For whom its instance can go back to its snapshot. */
  vacancy: string | undefined;
  /** Children that lived in it. */
  children = 0;
  ended = false;

  /** @throws {Error} when the operating system has no thread to give */
  constructor() {
    // Sources run as they are (.ts); a build replaces both files by .js.
    const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
    this.#worker = new Worker(new URL(`../../../workers/interpreter-thread.${extension}`, import.meta.url), {
      name: "php",
      env: {},
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION },
      stdout: true,
      stderr: true,
    });
    this.#worker.on("message", (report: ThreadReport) => this.#tenant?.onReport(report));
    this.#worker.on("error", (error: Error) => this.#tenant?.onError(error));
    this.#worker.on("exit", (status) => {
      this.ended = true;
      this.#tenant?.onExit(status);
    });
    for (const stream of ["stdout", "stderr"] as const) {
      this.#worker[stream].on("data", (chunk) => this.#tenant?.onOutput(stream, String(chunk).trimEnd()));
    }
  }

  /** A child moves in. */
  enter(tenant: Tenant): void {
    this.#tenant = tenant;
    this.children += 1;
  }

  /** Nobody lives in it. The process stays alive all the same while its output is read: it must be used or ended. */
  leave(): void {
    this.#tenant = undefined;
  }

  post(order: ThreadOrder, transfer: readonly TransferListItem[] = []): void {
    this.#worker.postMessage(order, transfer);
  }

  terminate(): void {
    void this.#worker.terminate();
  }
}

/** How long the thread of a child that ended waits for the next one: recycling starts it in the same moment. */
const LINGER = 250;

/** Children after which a thread is ended all the same: what JavaScript keeps of them is not in any snapshot. */
const MOST_CHILDREN = 100;

/**
 * Threads without a child: at most one that was never used, and for a moment those whose child has ended. Where no child
 * lives at all there are none: a process whose pools have ended can end too.
 */
export class Stable {
  /** Children that live in threads of it. */
  #children = 0;
  #spare: Thread | undefined;
  readonly #vacant = new Set<Thread>();

  /** A thread to live in, best one that was given back with the same word. */
  take(vacancy: string | undefined): Thread {
    const thread = this.#find(vacancy);
    this.#children += 1;
    return thread;
  }

  /** The child of a thread that was taken has ended, whatever becomes of the thread. */
  childEnded(): void {
    this.#children -= 1;
    if (this.#children === 0) setTimeout(() => this.#clear(), LINGER);
  }

  #clear(): void {
    if (this.#children > 0) return;
    this.#spare?.terminate();
    this.#spare = undefined;
  }

  #find(vacancy: string | undefined): Thread {
    for (const thread of this.#vacant) {
      if (vacancy === undefined || thread.vacancy !== vacancy) continue;
      this.#vacant.delete(thread);
      if (!thread.ended) return thread;
    }
    const spare = this.#spare;
    this.#spare = undefined;
    return spare !== undefined && !spare.ended ? spare : new Thread();
  }

  /** Takes back a thread whose child has ended. */
  giveBack(thread: Thread, vacancy: string | undefined): void {
    thread.leave();
    thread.vacancy = vacancy;
    if (vacancy === undefined || thread.children >= MOST_CHILDREN) {
      thread.terminate();
      return;
    }
    this.#vacant.add(thread);
    setTimeout(() => {
      if (this.#vacant.delete(thread)) thread.terminate();
    }, LINGER);
  }

  /**
   * Starts a thread ahead, so that the next child need not wait for it.
   *
   * @param order tells what it does until then
   */
  prepare(order: () => Promise<ThreadOrder | undefined>): void {
    if (this.#children === 0 || (this.#spare !== undefined && !this.#spare.ended)) return;
    try {
      const spare = new Thread();
      this.#spare = spare;
      order().then(
        // Who took it meanwhile does not wait for that.
        (told) => told !== undefined && this.#spare === spare && spare.post(told),
        () => {},
      );
    } catch {
      // The next child will meet the reason, and tell it.
    }
  }
}
