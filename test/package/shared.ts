// A folder for the package of this run: packed once, by the first test file that asks, for all that ask.

import { rmSync } from "node:fs";
import type { TestProject } from "vitest/node";
import { makeScratch } from "../peers/scratch.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** Empty until somebody packs. */
    packedFolder: string;
  }
}

export default function setup(project: TestProject): () => void {
  const scratch = makeScratch("packed");
  project.provide("packedFolder", scratch.path);
  // Watching: the sources have changed.
  project.onTestsRerun(() => {
    for (const name of ["attempt", "tarball", "failure"]) {
      rmSync(`${scratch.path}/${name}`, { recursive: true, force: true });
    }
  });
  return () => scratch.remove();
}
