// How a skipped group's name tells the reporter which peers it lacked. Apart from peer.ts because a reporter runs outside
// the test context, where vitest's functions cannot be imported.

import { PEERS, type PeerName } from "./binaries.ts";

/** Goes at the end of the name of a group that lacks peers. */
export function needsLabel(missing: readonly PeerName[]): string {
  return `[needs: ${missing.join(", ")}]`;
}

/** The peers that a group's name says it lacked; empty for any other name. */
export function neededPeers(name: string): readonly PeerName[] {
  const list = /\[needs: ([^\]]+)\]/.exec(name)?.[1] ?? "";
  return list.split(", ").filter((item): item is PeerName => Object.hasOwn(PEERS, item));
}
