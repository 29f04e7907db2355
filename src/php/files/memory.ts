// Looks at files in memory: those of the interpreter itself, and at the edge and in a page the application's.

import type { PhpModule } from "../glue.ts";
import type { Attributes, LookUp } from "./look-ups.ts";
import type { Path } from "./paths.ts";

interface Node {
  readonly name: string;
  readonly mode: number;
  readonly mounted: { readonly root: Node } | null | undefined;
  /** Entries of a directory in memory. */
  readonly contents: unknown;
  readonly node_ops: NodeOperations;
}

interface NodeOperations {
  getattr?(node: Node): GlueAttributes;
}

/** What the glue tells of a node. */
interface GlueAttributes extends Omit<Attributes, "atime" | "mtime" | "ctime"> {
  readonly atime: Date;
  readonly mtime: Date;
  readonly ctime: Date;
}

interface Files {
  readonly root: Node;
  readonly filesystems: { readonly MEMFS: { readonly ops_table: OperationsTable | null } };
}

interface OperationsTable {
  readonly dir: { readonly node: NodeOperations };
}

const TYPE = 0o170000;
const DIRECTORY = 0o040000;
const MAY_SEARCH = 0o111;

/** "No such file" in the numbers of WASI, which Emscripten uses. */
const ENOENT = 44;

/** Answers for directories in memory, and for files in them. */
export class MemoryLookUp implements LookUp {
  readonly #module: () => PhpModule;

  constructor(module: () => PhpModule) {
    this.#module = module;
  }

  look({ names = [] }: Path): Attributes | number | undefined {
    const { root, filesystems } = this.#module().FS as unknown as Files;
    const operations = filesystems.MEMFS.ops_table?.dir.node;
    let node = root.mounted?.root ?? root;
    for (const name of names) {
      // Links, other kinds of file systems, files on the way and directories that nobody may search are the glue's.
      if (node.node_ops !== operations || (node.mode & TYPE) !== DIRECTORY || (node.mode & MAY_SEARCH) === 0) {
        return undefined;
      }
      const next = entry(node.contents, name);
      if (next === undefined) return ENOENT;
      node = next.mounted?.root ?? next;
    }
    const found = node.node_ops.getattr?.(node);
    if (found === undefined) return undefined;
    const { atime, mtime, ctime } = found;
    return { ...found, atime: atime.getTime(), mtime: mtime.getTime(), ctime: ctime.getTime() };
  }
}

/** What an object without entries of its own has is no entry: a directory's are plain properties. */
function entry(contents: unknown, name: string): Node | undefined {
  const found = (contents as Readonly<Record<string, Node | undefined>>)[name];
  return found?.name === name ? found : undefined;
}
