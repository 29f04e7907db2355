// Looks at files of this machine: one system call each, where the glue makes one for every part of the path.

import { lstatSync } from "node:fs";
import type { Attributes, LookUp } from "../../php/files/look-ups.ts";
import { MemoryLookUp } from "../../php/files/memory.ts";
import type { Path } from "../../php/files/paths.ts";
import type { PhpModule } from "../../php/glue.ts";

/**
 * For how long it is believed, in milliseconds, that a directory is one and no link, and of how many. What the script itself
 * changes counts at once; and natively PHP believes it for two minutes (`realpath_cache_ttl`).
 */
const KNOWN_FOR = 1_000;
const MOST_KNOWN = 4_096;

/** "No such file" in the numbers of WASI, which Emscripten uses. */
const ENOENT = 44;

const QUIET = { throwIfNoEntry: false } as const;
const MAY_SEARCH = 0o111;

/** A directory that is reached through no link. */
interface Directory {
  /** Its place on this machine, without a slash at the end. */
  readonly real: string;
  readonly since: number;
}

/** A file's place. */
interface Place {
  /** Undefined for what is mounted itself. */
  readonly directory: string | undefined;
  readonly name: string;
  /** The real path, and of what directory it was made. */
  parent: Directory | undefined;
  real: string;
}

interface Mount {
  readonly type: unknown;
  readonly mountpoint: string;
  readonly opts: { readonly root?: string };
}

interface Files {
  readonly root: { readonly mount: Mount };
  readonly filesystems: { readonly NODEFS?: unknown };
  getMounts(mount: Mount): readonly Mount[];
}

/** Answers for the directories that are mounted, and for what is in memory beside them. */
export class RealLookUp implements LookUp {
  readonly #module: () => PhpModule;
  readonly #memory: MemoryLookUp;
  readonly #directories = new Map<string, Directory>();
  readonly #places = new WeakMap<Path, Place>();
  /** What is mounted where, by path: the real directory, or `undefined` for what is none. */
  #mounts: ReadonlyMap<string, string | undefined> | undefined;

  constructor(module: () => PhpModule) {
    this.#module = module;
    this.#memory = new MemoryLookUp(module);
  }

  look(path: Path): Attributes | number | undefined {
    const place = this.#place(path);
    const directory = place.directory === undefined ? undefined : this.#directory(place.directory, performance.now());
    if (directory === undefined) return this.#memory.look(path);
    if (place.parent !== directory) {
      place.parent = directory;
      place.real = `${directory.real}/${place.name}`;
    }
    try {
      const stats = lstatSync(place.real, QUIET);
      if (stats === undefined) return ENOENT;
      // Pipes and sockets do not exist for the glue.
      if (!stats.isFile() && !stats.isDirectory() && !stats.isSymbolicLink()) return undefined;
      const { dev, ino, mode, nlink, uid, gid, rdev, size, blocks, atimeMs, mtimeMs, ctimeMs } = stats;
      const [atime, mtime, ctime] = [Math.round(atimeMs), Math.round(mtimeMs), Math.round(ctimeMs)];
      return { dev, ino, mode, nlink, uid, gid, rdev, size, blocks, atime, mtime, ctime };
    } catch {
      return undefined;
    }
  }

  changing(): void {
    this.#directories.clear();
  }

  #place(path: Path): Place {
    let place = this.#places.get(path);
    if (place === undefined) {
      const { text } = path;
      this.#mounts ??= mountsOf(this.#module());
      const slash = text.lastIndexOf("/");
      const directory = this.#mounts.has(text) ? undefined : text.slice(0, slash);
      place = { directory, name: text.slice(slash + 1), parent: undefined, real: "" };
      this.#places.set(path, place);
    }
    return place;
  }

  /** `undefined` for one that is not of this machine, is not there, or is reached through a link. */
  #directory(path: string, now: number): Directory | undefined {
    const known = this.#directories.get(path);
    if (known !== undefined && now - known.since < KNOWN_FOR) return known;
    const real = this.#find(path, now);
    if (real === undefined) return undefined;
    if (this.#directories.size >= MOST_KNOWN) this.#directories.clear();
    const directory = { real, since: now };
    this.#directories.set(path, directory);
    return directory;
  }

  #find(path: string, now: number): string | undefined {
    this.#mounts ??= mountsOf(this.#module());
    if (path === "" || this.#mounts.has(path)) return this.#mounts.get(path);
    const slash = path.lastIndexOf("/");
    const parent = this.#directory(path.slice(0, slash), now);
    if (parent === undefined) return undefined;
    const real = `${parent.real}/${path.slice(slash + 1)}`;
    try {
      const stats = lstatSync(real, QUIET);
      return stats?.isDirectory() && (stats.mode & MAY_SEARCH) !== 0 ? real : undefined;
    } catch {
      return undefined;
    }
  }
}

function mountsOf(module: PhpModule): ReadonlyMap<string, string | undefined> {
  const FS = module.FS as unknown as Files;
  return new Map(
    FS.getMounts(FS.root.mount).map(({ type, mountpoint, opts }) => {
      const real = type === FS.filesystems.NODEFS ? opts.root : undefined;
      return [mountpoint, real === "/" ? "" : real];
    }),
  );
}
