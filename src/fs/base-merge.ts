// Bringing the application's files into the tree: at first, and again when another build is deployed.

import { BASE_STEP, type BaseEntry, type BaseFiles, withDirectories } from "./base.ts";
import { FileStoreError } from "./errno.ts";
import { type FileHome, OWN_PIECES } from "./home.ts";
import { PIECE_BYTES } from "./limits.ts";
import { type NodeRecord, ROOT } from "./node.ts";

const VERSION = "base";

interface Place extends NodeRecord {
  readonly entries?: Map<string, Place>;
}

/**
 * Changes the rows in `home` so that they have `base` below them; nothing if they have it already. To be run within a
 * transaction, before the tree is read.
 *
 * What nobody touched follows the new build. What was written, moved, made or deleted stays so.
 *
 * @param allocate gives a new inode number
 */
export function mergeBase(home: FileHome, base: BaseFiles, allocate: () => number, firstSeq: number): void {
  if ((home.getValue(VERSION) ?? "") === base.version) return;
  const before = new Set(readList(home));
  const entries = withDirectories(base.entries());
  const root = readTree(home);
  let count = 0;
  const seq = () => firstSeq + Math.floor(count++ / BASE_STEP);
  const kept = new Map(entries.map((entry) => [entry.path, entry]));
  // The deepest first, so that a directory is looked at when it is empty already.
  for (const path of [...before].sort().reverse()) if (!kept.has(path)) removeUntouched(home, root, path, seq);
  for (const entry of entries) {
    const place = find(root, entry.path);
    if (place !== undefined) follow(home, place, entry, seq);
    else if (!before.has(entry.path)) add(home, root, entry, allocate, seq);
  }
  writeList(
    home,
    entries.map(({ path }) => path),
  );
  home.setValue(VERSION, base.version);
}

function removeUntouched(home: FileHome, root: Place, path: string, seq: () => number): void {
  const place = find(root, path);
  if (place === undefined) return;
  const untouched = place.type === "directory" ? place.entries?.size === 0 : place.base === path;
  if (!untouched) return;
  home.removeNode(place.ino, seq());
  const slash = path.lastIndexOf("/");
  const parent = slash < 0 ? root : find(root, path.slice(0, slash));
  parent?.entries?.delete(place.name);
}

function follow(home: FileHome, place: Place, entry: BaseEntry, seq: () => number): void {
  if (place.base !== entry.path || place.type !== entry.type) return;
  const { size, modified, target } = entry;
  const mode = modeOf(entry);
  if (place.size === size && place.mtime === modified && place.mode === mode && place.target === target) return;
  const { entries: _, ...record } = place;
  const at = seq();
  home.putNode({
    ...record,
    size,
    mode,
    mtime: modified,
    ctime: modified,
    version: at,
    seq: at,
    ...(target !== undefined && { target }),
  });
}

function add(home: FileHome, root: Place, entry: BaseEntry, allocate: () => number, seq: () => number): void {
  const { path, type, size, modified, target } = entry;
  const slash = path.lastIndexOf("/");
  const parent = slash < 0 ? root : find(root, path.slice(0, slash));
  // Somebody deleted the directory, or made a file of it.
  if (parent?.entries === undefined) return;
  const at = seq();
  const record: NodeRecord = {
    ino: allocate(),
    parent: parent.ino,
    name: path.slice(slash + 1),
    type,
    mode: modeOf(entry),
    size: type === "directory" ? 0 : size,
    mtime: modified,
    ctime: modified,
    version: at,
    seq: at,
    ...(target !== undefined && { target }),
    ...(type !== "directory" && { base: path }),
  };
  home.putNode(record);
  parent.entries.set(record.name, type === "directory" ? { ...record, entries: new Map() } : record);
}

function modeOf({ mode, type }: BaseEntry): number {
  return mode ?? (type === "directory" ? 0o755 : type === "symlink" ? 0o777 : 0o644);
}

function find(root: Place, path: string): Place | undefined {
  let at: Place | undefined = root;
  for (const name of path.split("/")) at = at?.entries?.get(name);
  return at;
}

function readTree(home: FileHome): Place {
  const places = new Map<number, Place>();
  for (const record of home.nodes()) {
    places.set(record.ino, record.type === "directory" ? { ...record, entries: new Map() } : record);
  }
  for (const place of places.values()) {
    if (place.ino !== ROOT) places.get(place.parent)?.entries?.set(place.name, place);
  }
  const root = places.get(ROOT);
  if (root === undefined) throw new FileStoreError("FILE_STORE_DAMAGED", "there is no root directory");
  return root;
}

/** The paths of the present build. */
function readList(home: FileHome): string[] {
  const decoder = new TextDecoder();
  let text = "";
  for (let index = 0; ; index++) {
    const piece = home.getPiece(OWN_PIECES, index);
    if (piece === undefined) break;
    text += decoder.decode(piece, { stream: true });
  }
  text += decoder.decode();
  return text === "" ? [] : (JSON.parse(text) as string[]);
}

function writeList(home: FileHome, paths: readonly string[]): void {
  home.removePieces(OWN_PIECES, 0);
  const bytes = new TextEncoder().encode(JSON.stringify(paths));
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
    home.putPiece(OWN_PIECES, at / PIECE_BYTES, bytes.slice(at, at + PIECE_BYTES));
  }
}
