// Nodes and streams of Emscripten's file system in memory, as far as durable files look at them.

/** A file, directory or link in memory. */
export interface MemoryNode {
  readonly id: number;
  parent: MemoryNode;
  name: string;
  mode: number;
  /** Bytes of a file, `usedBytes` of them in use; entries of a directory. Null too for a file that is held in pieces. */
  contents: Uint8Array | Int8Array | Record<string, MemoryNode> | null;
  usedBytes?: number;
  link?: string;
  atime: number;
  mtime: number;
  ctime: number;
  readonly mount: { readonly mountpoint: string };
  node_ops: { setattr(node: MemoryNode, attributes: Attributes): void };
  stream_ops: { read: BytesOperation; write: BytesOperation };
}

type BytesOperation = (
  stream: Pick<MemoryStream, "node" | "flags">,
  memory: Uint8Array,
  offset: number,
  length: number,
  position: number,
) => number;

export interface Attributes {
  readonly size?: number;
  readonly mode?: number | null;
  readonly mtime?: number | null;
}

export interface MemoryStream {
  readonly fd: number;
  readonly node: MemoryNode;
  flags: number;
  position: number;
  /** The same object for all descriptors of one open file. */
  readonly shared: object;
}

const TYPE = 0o170000;
export const DIRECTORY = 0o040000;
export const FILE = 0o100000;
export const LINK = 0o120000;

export const isDirectory = (node: MemoryNode): boolean => (node.mode & TYPE) === DIRECTORY;
export const isFile = (node: MemoryNode): boolean => (node.mode & TYPE) === FILE;
export const isLink = (node: MemoryNode): boolean => (node.mode & TYPE) === LINK;

/** Entries of a directory. */
export function entriesOf(node: MemoryNode): Record<string, MemoryNode> {
  return node.contents as Record<string, MemoryNode>;
}

/** Bytes of a file that is held as a whole: a view. */
export function bytesOf({ contents, usedBytes = 0 }: MemoryNode): Uint8Array {
  if (!ArrayBuffer.isView(contents)) return new Uint8Array(0);
  return new Uint8Array(contents.buffer, contents.byteOffset, Math.min(usedBytes, contents.byteLength));
}

/** What a path through this entry leads to: the root of what is mounted there. */
export function within(node: MemoryNode): MemoryNode {
  return (node as { readonly mounted?: { readonly root: MemoryNode } | null }).mounted?.root ?? node;
}

export function isMountRoot(node: MemoryNode): boolean {
  return node.parent === node;
}
