// The making of a snapshot, seen from the build: in a thread of its own, because a script that never ends can only be ended
// from outside.

import { Worker } from "node:worker_threads";
import { ImageError, type ImageErrorCode } from "./errors.ts";
import type { BuiltSnapshot, SnapshotParts } from "./snapshot.ts";

/** What the thread says. */
export type SnapshotNews =
  /** It is at this now. */
  | { readonly type: "begun"; readonly what: string }
  | { readonly type: "made"; readonly made: BuiltSnapshot }
  /** The build must fail. */
  | { readonly type: "refused"; readonly code: ImageErrorCode; readonly message: string };

/** Milliseconds that a request may take longer than allowed: to be given up, and to end. */
const GRACE = 5000;

/**
 * Makes it. Without a snapshot children start as they always did: what else goes wrong is in `problems`.
 *
 * @throws {ImageError} `IMAGE_WARM_UP` when a script goes on and on; `IMAGE_PHP_START` when PHP refuses to start
 */
export function snapshotInThread(parts: SnapshotParts): Promise<BuiltSnapshot> {
  // Sources run as they are (.ts); a build replaces both files by .js.
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  const url = new URL(`../../workers/snapshot-thread.${extension}`, import.meta.url);
  const { promise, resolve, reject } = Promise.withResolvers<BuiltSnapshot>();
  const fail = (error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error);
    resolve({ problems: [`no snapshot was made: ${reason}`] });
  };
  const thread = new Worker(url, { name: "snapshot", workerData: parts });
  let late: NodeJS.Timeout | undefined;
  const watch = (what: string) => {
    clearTimeout(late);
    late = setTimeout(() => {
      const seconds = (parts.longest + GRACE) / 1000;
      const hint = "Mend the script, or leave it out of the warm-up.";
      reject(new ImageError("IMAGE_WARM_UP", `${what} has not ended after ${seconds} seconds. ${hint}`));
    }, parts.longest + GRACE);
  };
  watch("PHP's start for the snapshot");
  thread.on("message", (news: SnapshotNews) => {
    if (news.type === "begun") watch(news.what);
    else if (news.type === "refused") reject(new ImageError(news.code, news.message));
    else resolve(news.made);
  });
  thread.on("error", fail);
  thread.on("exit", (status) => fail(`its thread ended with status ${status}`));
  return promise.finally(() => {
    clearTimeout(late);
    return thread.terminate();
  });
}
