// An application built as `edge-fpm build` does it, in real workerd.

import { join } from "node:path";
import type { Miniflare } from "miniflare";
import { type BuildOptions, buildApplication } from "../../src/image/build.ts";
import { type LocalWorkersOptions, startLocalWorkers } from "../../src/platform/node/local-workers.ts";
import type { AppServer } from "../peers/app-server.ts";
import { makeScratch } from "../peers/scratch.ts";

export interface WorkersOptions extends Omit<BuildOptions, "out"> {
  readonly local?: Omit<LocalWorkersOptions, "out">;
}

export interface RunningWorkers extends AppServer {
  readonly miniflare: Miniflare;
  /** What the Workers logged so far, each entry with its level in front. */
  readonly lines: readonly string[];
}

export async function startWorkers(options: WorkersOptions): Promise<RunningWorkers> {
  const scratch = makeScratch("build");
  const out = join(scratch.path, "out");
  await buildApplication({ ...options, out });
  const lines: string[] = [];
  const onLog = (level: string, message: string): void => {
    lines.push(`${level}: ${message}`);
    if (process.env.EDGE_FPM_SHOW_LOG !== undefined) console.log(`[workerd] ${level}: ${message}`);
  };
  const miniflare = await startLocalWorkers({ out, onLog, ...options.local });
  const { origin } = await miniflare.ready;
  return {
    miniflare,
    lines,
    baseUrl: origin,
    log: () => lines.join("\n"),
    stop: async () => {
      await miniflare.dispose();
      scratch.remove();
    },
  };
}
