// Changes that an operator makes to a pool's files by path, as `rm` and `mkdir` do.

import { FileError, type FileOperation, type FileService, type NodeRecord, ROOT } from "../../fs/index.ts";

/** The store's owner, who has no life. */
const OWNER = 0;

/** Removals in one batch: half of what one may hold. */
const AT_ONCE = 512;

/** What of a service is used. */
type Files = Pick<FileService, "store" | "holders">;

/**
 * Removes a file, a link (not what it leads to), or a folder with all that is in it. Removals are made in batches: who
 * looks meanwhile may see some gone.
 *
 * @param time milliseconds since 1970
 * @returns how many went
 * @throws {FileError} ENOENT, EISDIR without `recursive`, EINVAL for the root
 */
export function removePath(files: Files, path: string, recursive: boolean, time: number): number {
  const { store } = files;
  const top = store.lookup(path, false);
  if (top.ino === ROOT) throw new FileError("EINVAL", "the root stays");
  if (top.type === "directory" && !recursive) throw new FileError("EISDIR", `${path} is a directory`);
  let count = 0;
  let batch: FileOperation[] = [];
  const flush = () => {
    if (batch.length > 0) store.commit(batch, { life: OWNER, time, holders: files.holders() });
    count += batch.length;
    batch = [];
  };
  const remove = (node: NodeRecord) => {
    const { parent: dir, name, ino } = node;
    if (node.type === "directory") for (const child of store.list(ino)) remove(child);
    batch.push(node.type === "directory" ? { op: "rmdir", dir, name } : { op: "unlink", dir, name, ino });
    if (batch.length >= AT_ONCE) flush();
  };
  remove(top);
  flush();
  return count;
}

/**
 * Makes a folder, with `parents` those above it too.
 *
 * @param time milliseconds since 1970
 * @returns how many were made
 * @throws {FileError} EEXIST without `parents`, ENOENT, ENOTDIR
 */
export function makeDirectory(files: Files, path: string, parents: boolean, time: number): number {
  const { store } = files;
  const names = path.split("/").filter((name) => name !== "" && name !== ".");
  if (names.includes("..")) throw new FileError("EINVAL", 'a path with ".." is not made');
  let at = store.stat(ROOT);
  const made: FileOperation[] = [];
  for (const [index, name] of names.entries()) {
    const last = index === names.length - 1;
    const found = made.length === 0 ? step(files, at, name) : undefined;
    if (found !== undefined) {
      if (last && !parents) throw new FileError("EEXIST", `${path} exists`);
      if (found.type !== "directory") throw new FileError(last ? "EEXIST" : "ENOTDIR", `${name} is not a directory`);
      at = found;
      continue;
    }
    if (!last && !parents) throw new FileError("ENOENT", `${name}, above ${path}, does not exist`);
    const ino = store.reserve(1);
    made.push({ op: "mkdir", dir: at.ino, name, ino, mode: 0o755 });
    at = { ...at, ino, parent: at.ino, name };
  }
  if (names.length === 0 && !parents) throw new FileError("EEXIST", `${path} exists`);
  if (made.length > 0) store.commit(made, { life: OWNER, time, holders: files.holders() });
  return made.length;
}

/** One name further down, through a link; `undefined` when there is nothing. */
function step({ store }: Pick<Files, "store">, at: NodeRecord, name: string): NodeRecord | undefined {
  const found = store.child(at.ino, name);
  if (found?.type !== "symlink") return found;
  const { target = "" } = found;
  return store.lookup(target.startsWith("/") ? target : `${pathOf({ store }, at)}/${target}`);
}

function pathOf({ store }: Pick<Files, "store">, node: NodeRecord): string {
  let path = "";
  for (let at = node; at.ino !== ROOT; at = store.stat(at.parent)) path = `/${at.name}${path}`;
  return path;
}
