// A file, directory or link of the store: as it is kept, and as a child is told of it.

export type NodeType = "file" | "directory" | "symlink";

/** Inode number of the root directory. */
export const ROOT = 1;

/** As it is kept: one row. */
export interface NodeRecord {
  /** Positive, never used twice. */
  readonly ino: number;
  /** The directory that it is in; the root's own number for the root. */
  readonly parent: number;
  readonly name: string;
  readonly type: NodeType;
  /** Permission bits, `0o7777`. Nothing checks them but PHP. */
  readonly mode: number;
  /** Bytes of the content; of a link's target; 0 for a directory. */
  readonly size: number;
  /** Last change of content or entries, milliseconds since 1970. There is no time of access: it is told as this one. */
  readonly mtime: number;
  /** Last change of anything, milliseconds since 1970. */
  readonly ctime: number;
  /** The `seq` at which the content changed last. */
  readonly version: number;
  /** The `seq` at which anything of it changed last. */
  readonly seq: number;
  /** Where a link leads. */
  readonly target?: string;
  /** The content is that of this path in the application's archive. */
  readonly base?: string;
}

/** What a child is told of a node that changed. */
export interface NodeChange extends NodeRecord {
  /**
   * Pieces of the content (0-based, of `PIECE_BYTES`) that a child must not use any more if it had the content at the
   * `seq` it named. Absent: none of its content may be used. Empty: all of it is good, up to `size`.
   */
  readonly stale?: readonly number[];
}

/** What happened since a `seq`. To be applied as a whole. */
export interface Changes {
  /** What the child knows afterwards. */
  readonly seq: number;
  /** Forget everything known before: the nodes that follow are all there are. */
  readonly reset: boolean;
  /** More has happened: ask again with `seq` before anything is used. */
  readonly more: boolean;
  /** To be named with the next question when this answer has `reset` and `more`, or continues one that had. */
  readonly basis?: number;
  readonly nodes: readonly NodeChange[];
  /** Inode numbers that are in no directory any more. Their content can be read while the child holds them. */
  readonly gone: readonly number[];
  /** What the store has room for at this moment: bytes of contents, and files, directories and links. */
  readonly room?: { readonly bytes: number; readonly nodes: number };
}

/** In memory: the record, and a directory's entries. */
export interface Node {
  ino: number;
  parent: number;
  name: string;
  type: NodeType;
  mode: number;
  size: number;
  mtime: number;
  ctime: number;
  version: number;
  seq: number;
  target: string | undefined;
  base: string | undefined;
  /** Of a directory: inode numbers by name. */
  entries: Map<string, number> | undefined;
}

export function toNode(record: NodeRecord): Node {
  return {
    ...record,
    target: record.target,
    base: record.base,
    entries: record.type === "directory" ? new Map() : undefined,
  };
}

export function toRecord({ entries: _, target, base, ...rest }: Node): NodeRecord {
  return { ...rest, ...(target !== undefined && { target }), ...(base !== undefined && { base }) };
}
