// An answer with changes may be one of several: they are brought in as one.

import type { Changes, FileClient, NodeChange } from "../../fs/index.ts";

/** Everything that happened after `known`. @throws {FileError} */
export async function gatherChanges(client: Pick<FileClient, "sync">, known: number): Promise<Changes> {
  const nodes = new Map<number, NodeChange>();
  const gone = new Set<number>();
  let reset = false;
  let since = known;
  let basis: number | undefined;
  for (;;) {
    const changes = await client.sync(since, basis);
    if (changes.reset) {
      reset = true;
      nodes.clear();
      gone.clear();
    }
    for (const ino of changes.gone) {
      gone.add(ino);
      nodes.delete(ino);
    }
    for (const node of changes.nodes) nodes.set(node.ino, node);
    since = changes.seq;
    basis = changes.basis;
    if (changes.more) continue;
    const { room } = changes;
    return { seq: since, reset, more: false, nodes: [...nodes.values()], gone: [...gone], ...(room && { room }) };
  }
}
