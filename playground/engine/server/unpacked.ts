// An application that a visitor brings, as a folder of the site: which file answers, and putting it in the place of the one before.

import type { FileOperation, NodeRecord } from "../../../src/fs/index.ts";
import type { PageFiles } from "../../../src/platform/browser/page-files.ts";

/** Where an application keeps what visitors may ask for: itself, or a folder of it. */
export const PUBLIC: readonly string[] = ["", "public/", "web/", "htdocs/", "public_html/"];

/** A folder that is not finished yet, and one that is not used any more, end like this. */
const COMING = ".unpacking";
const GOING = ".removing";

/** Operations of one batch, below the store's own bound. */
const BATCH = 800;

/** The script that answers for what is no file. */
export interface FrontController {
  /** Of the site: "/site/public/". */
  readonly folder: string;
  /** "/site/public/index.php". */
  readonly script: string;
}

/** @param root the folder that is the site @param folder of the application below it, with slashes around */
export function frontControllerOf(files: PageFiles, root: string, folder: string): FrontController | undefined {
  for (const part of PUBLIC) {
    const script = `${folder}${part}index.php`;
    if (find(files, root + script)?.type === "file") return { folder: folder + part, script };
  }
  return undefined;
}

/** Where the files of a new application are put first. */
export function comingFolder(folder: string): string {
  return folder + COMING;
}

/** The new files take the folder's place; the old ones go. @param folder absolute, without a slash at its end */
export function takePlace(files: PageFiles, folder: string): void {
  const operations: FileOperation[] = [];
  const parent = find(files, folder.slice(0, folder.lastIndexOf("/")));
  const name = folder.slice(folder.lastIndexOf("/") + 1);
  if (parent === undefined) throw new Error(`${folder} has no folder to be in`);
  const dir = parent.ino;
  const move = (from: string, to: string) => {
    operations.push({ op: "rename", dir, name: from, toDir: dir, toName: to });
  };
  if (find(files, folder) !== undefined) move(name, name + GOING);
  move(name + COMING, name);
  commit(files, operations);
  removeFolder(files, folder + GOING);
  files.wrote();
}

/** What a page that was closed meanwhile has left. */
export function removeLeftovers(files: PageFiles, folder: string): void {
  for (const end of [COMING, GOING]) removeFolder(files, folder + end);
}

/** A folder with everything in it, if it is there. */
export function removeFolder(files: PageFiles, folder: string): void {
  const node = find(files, folder);
  const parent = find(files, folder.slice(0, folder.lastIndexOf("/")));
  if (node === undefined || parent === undefined) return;
  let batch: FileOperation[] = [];
  const add = (operation: FileOperation) => {
    batch.push(operation);
    if (batch.length < BATCH) return;
    commit(files, batch);
    batch = [];
  };
  const empty = (dir: number) => {
    for (const { ino, name, type } of files.service.store.list(dir)) {
      if (type !== "directory") add({ op: "unlink", dir, name });
      else {
        empty(ino);
        add({ op: "rmdir", dir, name });
      }
    }
  };
  empty(node.ino);
  add({ op: "rmdir", dir: parent.ino, name: node.name });
  commit(files, batch);
}

function commit({ service }: PageFiles, operations: readonly FileOperation[]): void {
  service.store.commit(operations, { life: 0, time: Date.now(), holders: service.holders() });
}

function find(files: PageFiles, path: string): NodeRecord | undefined {
  try {
    return files.service.store.lookup(path, false);
  } catch {
    return undefined;
  }
}
