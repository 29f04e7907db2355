// Tests that need a program from outside ask here. A missing program is reported as skipped with the line that installs it;
// with REQUIRE_PEERS=1 (as in .ci/run) it is a failure.

import { describe, expect, test } from "vitest";
import { findProgram, installLine, PEERS, type PeerName } from "./binaries.ts";
import { needsLabel } from "./peer-names.ts";

export type { PeerName } from "./binaries.ts";

export type Peer =
  | { readonly available: true; readonly name: PeerName; readonly path: string }
  | { readonly available: false; readonly name: PeerName; readonly install: string };

/** Looks for a peer on this machine. */
export function peer(name: PeerName): Peer {
  const path = findProgram(PEERS[name].commands);
  return path === undefined
    ? { available: false, name, install: installLine([name]) }
    : { available: true, name, path };
}

/**
 * The path of a peer that the surrounding `describePeers` asked for.
 *
 * @throws {Error} when it is not installed
 */
export function peerPath(name: PeerName): string {
  const found = peer(name);
  if (found.available) return found.path;
  throw new Error(`${name} is not installed; to install it: ${found.install}`);
}

/** The peers of `names` that this machine lacks. */
export function missingPeers(names: readonly PeerName[]): readonly PeerName[] {
  return names.filter((name) => !peer(name).available);
}

/**
 * `describe` for tests that need real peers. When one is missing the group is skipped and says how to install it, or
 * fails when REQUIRE_PEERS=1.
 */
export function describePeers(names: readonly PeerName[], title: string, body: () => void): void {
  const missing = missingPeers(names);
  if (missing.length === 0) {
    describe(title, body);
    return;
  }
  const label = `${title} ${needsLabel(missing)}`;
  if (process.env.REQUIRE_PEERS === "1") {
    describe(label, () => {
      test("has every peer it needs", () => {
        expect(missing, `REQUIRE_PEERS=1; to install: ${installLine(missing)}`).toEqual([]);
      });
    });
    return;
  }
  describe.skipIf(true)(label, body);
}
