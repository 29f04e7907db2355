// Entry point of a child.

import type { PhpGlue } from "../../src/php/glue.ts";
import type { WorkerEnd } from "../../src/platform/browser/child-messages.ts";
import { serveWorkerChild } from "../../src/platform/browser/serve-worker.ts";

serveWorkerChild(
  globalThis as unknown as WorkerEnd,
  (url) => import(/* @vite-ignore */ url) as Promise<unknown> as Promise<PhpGlue>,
);
