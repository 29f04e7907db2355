// Where the state of a configuration's schedule is kept: beside the sessions, one file for each configuration.

import { createHash } from "node:crypto";
import { join } from "node:path";
import { sharedParent } from "../platform/node/spawn-thread.ts";
import type { Arguments } from "./command.ts";

/** @param configFile absolute */
export function cronStateFile(args: Arguments, configFile: string): string {
  const name = createHash("sha256").update(configFile).digest("hex").slice(0, 16);
  return join(sharedParent(args.text("data")), "cron", `${name}.json`);
}
