// The thread in which a build makes its snapshot: scripts run there that may never end.

import { parentPort, workerData } from "node:worker_threads";
import { ImageError } from "../src/image/errors.ts";
import { makeSnapshot, type SnapshotParts } from "../src/image/snapshot.ts";
import type { SnapshotNews } from "../src/image/snapshot-thread.ts";

function tell(news: SnapshotNews): void {
  parentPort?.postMessage(news);
}

try {
  const made = await makeSnapshot(workerData as SnapshotParts, (what) => tell({ type: "begun", what }));
  tell({ type: "made", made });
} catch (error) {
  if (!(error instanceof ImageError)) throw error;
  tell({ type: "refused", code: error.code, message: error.message });
}
