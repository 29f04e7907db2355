// Databases that come with a write-ahead log, uploaded or with the application: as a program opens one, it becomes one with
// a journal, once for all children.

import { LONG } from "./content.ts";
import { entriesOf, isFile, type MemoryNode, type MemoryStream } from "./memory-node.ts";
import type { SharedNode } from "./shared-node.ts";
import { HEAD, JOURNALED, readLog, usesLog, VERSIONS_AT } from "./sqlite-wal.ts";

/** What is done to a file on behalf of a program. Errors are thrown as its own calls would meet them. */
export interface FileWork {
  remove(node: MemoryNode): void;
  shared(node: MemoryNode): SharedNode | undefined;
  /** Bytes of a file, read as a program would. */
  readAll(shared: SharedNode, length: number): Promise<Uint8Array>;
  writeAt(shared: SharedNode, position: number, bytes: Uint8Array): Promise<void>;
  resize(shared: SharedNode, size: number): Promise<void>;
  /** Runs with the file locked against all other programs, and gives the lock back with what was changed. */
  exclusively(stream: MemoryStream, run: () => Promise<void>): Promise<void>;
}

const O_RDWR = 2;
const O_ACCESS = 3;

/** Where a program opens a file for reading only, it is looked at if it seems to be a database. */
const NAMES = /\.(?:db|db3|sqlite|sqlite3)$/;

/** Bytes of a log that is brought in: it must fit the memory. */
const MOST_LOG = 32 * LONG;

/** Whether a file that was just opened could be a database with a log. */
export function mayUseLog({ node, flags }: MemoryStream): boolean {
  return (node.usedBytes ?? 0) >= HEAD && ((flags & O_ACCESS) === O_RDWR || NAMES.test(node.name));
}

/** Turns the database into one with a journal, if it is one with a log. */
export async function withoutLog(stream: MemoryStream, shared: SharedNode, work: FileWork): Promise<void> {
  if (!usesLog(await work.readAll(shared, HEAD))) return;
  await work.exclusively(stream, async () => {
    // Another child may have been first.
    if (!usesLog(await work.readAll(shared, HEAD))) return;
    const logNode = sibling(stream.node, "-wal");
    const log = logNode && work.shared(logNode);
    const size = logNode?.usedBytes ?? 0;
    if (size > MOST_LOG) {
      throw new Error(`${stream.node.name} has a write-ahead log of ${size} bytes; ${MOST_LOG} are allowed`);
    }
    const changes = log === undefined ? undefined : readLog(await work.readAll(log, size));
    if (changes !== undefined) {
      for (const [page, bytes] of changes.content) await work.writeAt(shared, (page - 1) * changes.pageSize, bytes);
      await work.resize(shared, changes.pages * changes.pageSize);
    }
    await work.writeAt(shared, VERSIONS_AT, JOURNALED);
    if (logNode !== undefined) work.remove(logNode);
  });
}

function sibling({ parent, name }: MemoryNode, ending: string): MemoryNode | undefined {
  const found = entriesOf(parent)[name + ending];
  return found !== undefined && isFile(found) ? found : undefined;
}
