// Prints, after vitest's own summary, one plain line with the counts and one line that installs the missing peers.

import type { Reporter, TestModule } from "vitest/node";
import { installLine, type PeerName } from "./peers/binaries.ts";
import { neededPeers } from "./peers/peer-names.ts";

export default class PlainReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const counts = { passed: 0, failed: unhandledErrors.length, skipped: 0, pending: 0 };
    const missing = new Set<PeerName>();
    for (const module of modules) {
      // A file that could not be loaded has no tests to fail.
      counts.failed += module.errors().length;
      // Nor has a group whose beforeAll failed: its tests count as skipped.
      for (const suite of module.children.allSuites()) counts.failed += suite.errors().length;
      for (const test of module.children.allTests()) {
        counts[test.result().state] += 1;
        if (test.result().state === "skipped") for (const name of neededPeers(test.fullName)) missing.add(name);
      }
    }
    const lines = [""];
    if (missing.size > 0) {
      const names = [...missing].sort();
      lines.push(`Skipped for want of ${names.join(", ")}. To run these tests too: ${installLine(names)}`);
    }
    lines.push(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped + counts.pending} skipped`, "");
    // After vitest's own closing lines, which come in the same turn.
    setImmediate(() => process.stdout.write(lines.join("\n")));
  }
}
