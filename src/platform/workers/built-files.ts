// What has become of the build's files in a pool's store, in short: so that a gateway, which has the files as they were
// built, knows when to ask for one. In the pool's object.

import { type BaseFiles, withDirectories } from "../../fs/base.ts";
import { FileError, type FileStore, type NodeChange } from "../../fs/index.ts";

/** What scripts did to the tree that was built. Paths are absolute. */
export interface BuildChanges {
  /** Changes with what follows. */
  readonly tag: string;
  /** Files of the build that are not as they were built: changed, moved or deleted. */
  readonly changed: readonly string[];
  /** Files and folders without a dot in their names, in folders of the build. Undefined: too many to tell. */
  readonly made: readonly string[] | undefined;
}

/** More than that are not told one by one. */
const MOST_MADE = 10_000;

export class BuiltFiles {
  readonly #store: FileStore;
  readonly #base: BaseFiles;
  /** Object and store begin anew together: a tag of another life is no tag of this one. */
  readonly #life = crypto.randomUUID();
  /** Paths of the files that are as they were built, by number. */
  readonly #untouched = new Map<number, string>();
  /** Numbers of the folders of the build. */
  readonly #folders = new Set<number>();
  readonly #changed = new Set<string>();
  readonly #made = new Set<string>();
  /** Everything up to here was looked at; 0: nothing. */
  #seen = 0;

  constructor(store: FileStore, base: BaseFiles) {
    this.#store = store;
    this.#base = base;
  }

  /** What is new for who knows `tag`; undefined: nothing. */
  since(tag: string | undefined): BuildChanges | undefined {
    const now = this.tag();
    const made = this.#made.size > MOST_MADE ? undefined : [...this.#made];
    return now === tag ? undefined : { tag: now, changed: [...this.#changed], made };
  }

  /** Of all that has happened so far. */
  tag(): string {
    this.#look();
    return `${this.#life}.${this.#changed.size}.${Math.min(this.#made.size, MOST_MADE + 1)}`;
  }

  #look(): void {
    if (this.#seen === 0) this.#begin();
    for (let more = this.#seen < this.#store.seq; more; ) {
      const changes = this.#store.changesSince(this.#seen);
      if (changes.reset) {
        this.#begin();
        return;
      }
      for (const ino of changes.gone) this.#touched(ino);
      for (const node of changes.nodes) this.#see(node);
      this.#seen = changes.seq;
      more = changes.more;
    }
  }

  #begin(): void {
    this.#untouched.clear();
    this.#folders.clear();
    for (const { path, type } of withDirectories(this.#base.entries())) {
      const node = this.#find(path);
      if (type === "directory") {
        if (node?.type === "directory") this.#folders.add(node.ino);
      } else if (node?.base === path) this.#untouched.set(node.ino, path);
      else this.#changed.add(`/${path}`);
    }
    for (const folder of this.#folders) for (const node of this.#store.list(folder)) this.#see(node);
    this.#seen = this.#store.seq;
  }

  #see({ ino, parent, name, base }: NodeChange): void {
    if (base === undefined) this.#touched(ino);
    if (base !== undefined || this.#folders.has(ino) || !this.#folders.has(parent)) return;
    if (name.lastIndexOf(".") <= 0 && this.#made.size <= MOST_MADE) this.#made.add(`/${this.#store.path(ino)}`);
  }

  #touched(ino: number): void {
    const path = this.#untouched.get(ino);
    if (path === undefined) return;
    this.#untouched.delete(ino);
    this.#changed.add(`/${path}`);
  }

  #find(path: string) {
    try {
      return this.#store.lookup(path, false);
    } catch (error) {
      if (error instanceof FileError) return undefined;
      throw error;
    }
  }
}
