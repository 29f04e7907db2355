// What an application cannot do on a server of ours, by name and with the reason.

import { test } from "vitest";

export interface AppGaps {
  /** What scripts wrote is gone after a restart. */
  readonly restart?: string;
}

/** What a deployment without durable files lacks. */
export const EDGE_GAPS: AppGaps = { restart: "files live in the memory of a child" };

/** `test`, or a skipped one that says why. */
export function testUnless(gap: string | undefined): (title: string, run: () => Promise<void>) => void {
  return (title, run) => test.skipIf(gap !== undefined)(gap === undefined ? title : `${title} (gap: ${gap})`, run);
}
