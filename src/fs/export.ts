// A store, or a part of it, as a tar archive: made piece by piece, so that memory holds little of it.

import { FileError } from "./errno.ts";
import type { NodeRecord } from "./node.ts";
import type { FileStore } from "./store.ts";
import { TAR_END, tarHeader, tarPadding } from "./tar.ts";

/** Bytes of a file that are read at one moment. */
const AT_ONCE = 8 * 1024 * 1024;

export interface ExportOptions {
  /** Where it begins. Default: the root. */
  readonly path?: string;
  /** Leaves out what is as the application's build made it. Default false. */
  readonly changedOnly?: boolean;
}

/**
 * The archive's bytes, in parts of at most `readBytes`. Parts may be asked for at any pace. A file of up to 8 MiB is as
 * it was at one moment; the export ends with an error when a longer one changes meanwhile, so that no torn file
 * gets into a backup. Different files may be of different moments.
 *
 * @throws {FileError} ENOENT, ENOTDIR, ELOOP; ESTALE when a file changed while it was read
 */
export function* exportTar(store: FileStore, options: ExportOptions = {}): Generator<Uint8Array> {
  const { path = "", changedOnly = false } = options;
  const top = store.lookup(path);
  if (top.type === "directory") yield* directory(store, top, "", changedOnly);
  else yield* entry(store, top, top.name);
  yield TAR_END;
}

function* directory(store: FileStore, dir: NodeRecord, prefix: string, changedOnly: boolean): Generator<Uint8Array> {
  let nodes: NodeRecord[];
  try {
    nodes = store.list(dir.ino);
  } catch (error) {
    // Removed since its parent was read.
    if (error instanceof FileError) return;
    throw error;
  }
  for (const node of nodes) {
    const path = `${prefix}${node.name}`;
    if (node.type === "directory") {
      yield tarHeader({ path, type: "directory", size: 0, mode: node.mode, mtime: node.mtime });
      yield* directory(store, node, `${path}/`, changedOnly);
    } else if (!changedOnly || node.base === undefined) {
      yield* entry(store, node, path);
    }
  }
}

function* entry(store: FileStore, listed: NodeRecord, path: string): Generator<Uint8Array> {
  let node: NodeRecord;
  try {
    // As it is now, not as it was when its directory was read.
    node = store.stat(listed.ino);
  } catch (error) {
    if (error instanceof FileError && error.errno === "ENOENT") return;
    throw error;
  }
  const { type, size, mode, mtime, target, version } = node;
  if (type === "symlink") {
    yield tarHeader({ path, type, size: 0, mode, mtime, target: target ?? "" });
    return;
  }
  // The header goes with the first bytes: nothing comes between.
  let header: Uint8Array | undefined = tarHeader({ path, type: "file", size, mode, mtime });
  if (size === 0) yield header;
  for (let at = 0; at < size; header = undefined) {
    const parts: Uint8Array[] = header === undefined ? [] : [header];
    for (const end = Math.min(size, at + AT_ONCE); at < end; ) {
      const bytes = store.read(node.ino, at, end - at, version);
      parts.push(bytes);
      at += bytes.length;
    }
    yield* parts;
  }
  const padding = tarPadding(size);
  if (padding > 0) yield new Uint8Array(padding);
}
