// Looks at files of this machine: one system call each, where the glue makes one for every part of the path.
//
// PHP looks twice at what it includes: an autoloader asks whether the file is there, then opcache whether it has changed. The
// second look is answered with the first one's, when nothing has come in between by which the script could know better: no
// other system call, no wait, and not more than a moment.

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

/** For how long one look stands for the next, in milliseconds. */
const MOMENT = 2;

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
  /** What was seen, when, and after how many calls. */
  found: Attributes | number | undefined;
  looked: number;
  calls: number;
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
  /** Grows with all that a script does beside looking. */
  #calls = 0;
  /** Whether this stretch of a script, which ends where it waits, is noted to end. */
  #noted = false;
  /** What is mounted where, by path: the real directory, or `undefined` for what is none. */
  #mounts: ReadonlyMap<string, string | undefined> | undefined;

  constructor(module: () => PhpModule) {
    this.#module = module;
    this.#memory = new MemoryLookUp(module);
  }

  look(path: Path): Attributes | number | undefined {
    const place = this.#place(path);
    const now = performance.now();
    if (place.calls === this.#calls && now - place.looked < MOMENT) return place.found;
    const directory = place.directory === undefined ? undefined : this.#directory(place.directory, now);
    if (directory === undefined) return this.#memory.look(path);
    if (place.parent !== directory) {
      place.parent = directory;
      place.real = `${directory.real}/${place.name}`;
    }
    const found = lookAt(place.real);
    if (found === undefined) return undefined;
    this.#noteEnd();
    place.found = found;
    place.looked = now;
    place.calls = this.#calls;
    return found;
  }

  called(directories: boolean): void {
    this.#calls++;
    if (directories) this.#directories.clear();
  }

  /** Nothing is known any more when a script has waited, or ended. */
  #noteEnd(): void {
    if (this.#noted) return;
    this.#noted = true;
    queueMicrotask(() => {
      this.#noted = false;
      this.#calls++;
    });
  }

  #place(path: Path): Place {
    let place = this.#places.get(path);
    if (place === undefined) {
      const { text } = path;
      this.#mounts ??= mountsOf(this.#module());
      const slash = text.lastIndexOf("/");
      const directory = this.#mounts.has(text) ? undefined : text.slice(0, slash);
      const name = text.slice(slash + 1);
      place = { directory, name, parent: undefined, real: "", found: undefined, looked: 0, calls: -1 };
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

/** `undefined` for what the glue must say something about. */
function lookAt(real: string): Attributes | number | undefined {
  try {
    const stats = lstatSync(real, QUIET);
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

function mountsOf(module: PhpModule): ReadonlyMap<string, string | undefined> {
  const FS = module.FS as unknown as Files;
  return new Map(
    FS.getMounts(FS.root.mount).map(({ type, mountpoint, opts }) => {
      const real = type === FS.filesystems.NODEFS ? opts.root : undefined;
      return [mountpoint, real === "/" ? "" : real];
    }),
  );
}
