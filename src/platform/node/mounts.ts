// Real directories in the interpreter's file system. Each appears at its own absolute path, so that __FILE__, error
// messages and links mean the same inside and outside.

import { existsSync, lstatSync, readdirSync, readlinkSync, realpathSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { PhpModule } from "../../php/glue.ts";
import { repairNodefs } from "./nodefs.ts";

/** Top-level directories that belong to the interpreter itself, or mean nothing to it. */
const OWN = new Set(["dev", "proc", "sys", "internal", "request"]);

/** Where the directory that all children of a pool share appears inside: sessions, uploads, temporary files. */
export const SHARED_PATH = "/internal/pool";

/** Directories a pool's interpreters see. */
export interface MountPlan {
  /**
   * Absolute directories, each visible at its own path with everything below. "/" means the whole machine, as a
   * native php-fpm sees it: links may lead anywhere then.
   */
  readonly mounts: readonly string[];
  /**
   * Real directory that is "/" to PHP (php-fpm: `chroot`); `mounts` do not count then. Links lead nowhere outside: they
   * are followed in what PHP sees. What appears at its top later is not seen by children that run.
   */
  readonly root?: string;
  /** The real directory that all children of the pool share. */
  readonly sharedDirectory: string;
}

/**
 * Mounts a plan. `/tmp` is the machine's own when "/" is mounted, else the pool's shared `tmp`, or, when a mounted
 * directory lies below `/tmp`, in memory and private to the child.
 *
 * @throws {Error} when a directory is missing or no directory
 */
export function mountDirectories(module: PhpModule, plan: MountPlan): void {
  repairNodefs(module);
  const wanted = outermost(plan.mounts.map((path) => resolve(path)));
  mountAt(module, SHARED_PATH, plan.sharedDirectory);
  if (plan.root !== undefined) {
    mountRoot(module, resolve(plan.root));
    if (!existsSync(join(plan.root, "tmp"))) mountAt(module, "/tmp", join(plan.sharedDirectory, "tmp"));
    return;
  }
  if (wanted.includes("/")) {
    mountRoot(module, "/");
    return;
  }
  if (!wanted.some((path) => path === "/tmp" || path.startsWith("/tmp/"))) {
    mountAt(module, "/tmp", join(plan.sharedDirectory, "tmp"));
  }
  for (const path of wanted) {
    if (!existsSync(path) || !statSync(path).isDirectory()) throw new Error(`no such directory: ${path}`);
    mountAt(module, path, path);
  }
}

/** Without the directories that lie inside another one of the list. */
function outermost(paths: readonly string[]): string[] {
  const unique = [...new Set(paths)];
  return unique.filter((path) => !unique.some((other) => other !== path && isInside(path, other)));
}

function isInside(path: string, directory: string): boolean {
  return directory === "/" || path.startsWith(`${directory}/`);
}

/** Where a whole directory lies whose files must appear at the top: only directories can be mounted there. */
const ROOT_PATH = "/internal/root";

/** Everything at the top of a directory but what is the interpreter's own. The machine's has no files that matter. */
function mountRoot(module: PhpModule, root: string): void {
  if (root !== "/") mountAt(module, ROOT_PATH, root);
  for (const name of readdirSync(root)) {
    if (OWN.has(name)) continue;
    const path = `/${name}`;
    const stat = lstatSync(join(root, name));
    if (stat.isSymbolicLink()) module.FS.symlink(readlinkSync(join(root, name)), path);
    else if (stat.isDirectory()) mountAt(module, path, join(root, name));
    else if (root !== "/") module.FS.symlink(`${ROOT_PATH}/${name}`, path);
  }
}

function mountAt(module: PhpModule, at: string, directory: string): void {
  const { FS } = module;
  const NODEFS = FS.filesystems.NODEFS;
  if (NODEFS === undefined) throw new Error("this build of PHP cannot mount directories: a Node build is needed");
  FS.mkdirTree(dirname(at));
  FS.mkdirTree(at);
  FS.mount(NODEFS, { root: realpathSync(directory) }, at);
}
