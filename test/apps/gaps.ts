// What an application cannot do on a server of ours, with the reason in the test's name.

import { test } from "vitest";

/** `test`, or a skipped one that says why. */
export function testUnless(gap: string | undefined): (title: string, run: () => Promise<void>) => void {
  return (title, run) => test.skipIf(gap !== undefined)(gap === undefined ? title : `${title} (gap: ${gap})`, run);
}
