// The thread in which a build makes its snapshot: scripts run there that may never end.

import { parentPort, workerData } from "node:worker_threads";
import { makeSnapshot, type SnapshotParts } from "../src/image/snapshot.ts";
import type { SnapshotNews } from "../src/image/snapshot-thread.ts";

function tell(news: SnapshotNews): void {
  parentPort?.postMessage(news);
}

const made = await makeSnapshot(workerData as SnapshotParts, (what) => tell({ type: "begun", what }));
tell({ type: "made", made });
