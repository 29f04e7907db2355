// The interpreter's own files: those in its memory that lie in no file system which is mounted, from `/` on. No other child
// has them, and they end with it. What a script would write there would be lost, so it is told that it may not.

import type { GlueFileSystem, PhpModule } from "./glue.ts";

/** Where opcache makes a file that it locks and has removed at once. */
export const LOCKS_PATH = "/internal/locks";

/** Where PHP puts what is one request's only: what is uploaded and, where nothing else is mounted there, `/tmp`. */
const TEMPORARY = new Set([LOCKS_PATH, "/tmp", "/internal/uploads"]);

const WRITABLE = 0o222;

interface Node {
  mode: number;
  readonly name: string;
  /** What is mounted over it. */
  readonly mounted?: object | null;
  readonly contents: Readonly<Record<string, Node>>;
}

interface Files extends GlueFileSystem {
  readonly root: Node;
  /** For the host, whom permissions do not bind. */
  ignorePermissions: boolean;
}

/** Takes away the permission to write from all that is in place. To be called when everything is mounted. */
export function protectOwnFiles({ FS }: PhpModule): void {
  const files = FS as Files;
  files.mkdirTree(LOCKS_PATH);
  const open: { readonly node: Node; readonly path: string }[] = [{ node: files.root, path: "" }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { node, path } = next;
    if (node.mounted || TEMPORARY.has(path)) continue;
    if (files.isDir(node.mode)) {
      for (const child of Object.values(node.contents)) open.push({ node: child, path: `${path}/${child.name}` });
    }
    if (files.isDir(node.mode) || files.isFile(node.mode)) node.mode &= ~WRITABLE;
  }
}

/** Writes a file of the interpreter's own, in a directory that is there. */
export function writeOwnFile({ FS }: PhpModule, path: string, content: string | Uint8Array): void {
  const files = FS as Files;
  const before = files.ignorePermissions;
  files.ignorePermissions = true;
  try {
    files.writeFile(path, content);
  } finally {
    files.ignorePermissions = before;
  }
}
