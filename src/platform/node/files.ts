// Files below a folder of this machine, for the gateway. Nothing outside the folder is found, symbolic links included.

import { constants, fstatSync, realpathSync, type Stats, statSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { sep } from "node:path";
import type { Entry, FileSource } from "../../gateway/index.ts";

/** Files up to this many bytes are read whole: below it, a stream costs more than the memory. */
const WHOLE = 256 * 1024;

/** Bytes read at a time from longer ones. */
const CHUNK = 64 * 1024;

/**
 * For how long it is believed, in milliseconds, that a path leads where it led, and of how many paths. Only as long as
 * the very same file is found there: another one in its place, or a link to another, is resolved anew.
 */
const KNOWN_FOR = 1_000;
const MOST_KNOWN = 1_000;

/** Milliseconds between two looks at a script that is asked for all the time; a change is noticed as much later. */
const UNLOOKED = 2;

/** Where a path led. */
interface Resolved {
  readonly real: string;
  /** As last seen, and when that was. */
  stats: Stats;
  looked: number;
  /** When the path was resolved. */
  readonly since: number;
}

function sameFile(a: Stats, b: Stats): boolean {
  return a.ino === b.ino && a.dev === b.dev && a.ctimeMs === b.ctimeMs;
}

/** How files of a folder are found. */
export interface NodeFilesOptions {
  /** Follows symbolic links to files outside the root. Off: they are refused. */
  readonly followSymlinks?: boolean;
}

/**
 * @param root a folder that exists
 * @throws when there is no such folder
 */
export function nodeFiles(root: string, options: NodeFilesOptions = {}): FileSource {
  const realRoot = realpathSync.native(root);
  const inside = realRoot.endsWith(sep) ? realRoot : realRoot + sep;
  const known = new Map<string, Resolved>();
  const resolve = (path: string, toRun: boolean): { real: string; stats: Stats } => {
    const now = performance.now();
    const before = known.get(path);
    if (before !== undefined && now - before.since < KNOWN_FOR) {
      if (toRun && now - before.looked < UNLOOKED) return before;
      const stats = statSync(path);
      if (sameFile(stats, before.stats)) {
        before.stats = stats;
        before.looked = now;
        return { real: before.real, stats };
      }
    }
    const real = realpathSync.native(path);
    const stats = statSync(real);
    if (known.size >= MOST_KNOWN) known.clear();
    known.set(path, { real, stats, since: now, looked: now });
    return { real, stats };
  };

  return {
    // Synchronous, as in nginx: two system calls on what the kernel has in memory take a tenth of a trip through the
    // thread pool.
    find(path, toRun = false) {
      const name = fileName(path);
      if (name === undefined) return undefined;
      let real: string;
      let stats: Stats;
      try {
        ({ real, stats } = resolve(realRoot + name, toRun));
      } catch (error) {
        return missing(error) ? undefined : { type: "refused" };
      }
      if (options.followSymlinks !== true && real !== realRoot && !real.startsWith(inside)) return { type: "refused" };
      if (stats.isDirectory()) return { type: "directory" };
      // "file.txt/" is no file: some systems find it all the same.
      if (!stats.isFile() || path.endsWith("/")) return stats.isFile() ? undefined : { type: "refused" };
      return fileEntry(real, stats);
    },
  };
}

function fileEntry(real: string, stats: Stats): Entry {
  return {
    type: "file",
    size: stats.size,
    modified: stats.mtimeMs,
    async read(start, end) {
      // A link put in the file's place since then is not followed. Non-blocking, because a pipe may be there instead.
      const handle = await open(real, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0));
      try {
        const opened = fstatSync(handle.fd);
        if (!opened.isFile()) throw new Error(`${real} is no regular file any more`);
        // Another file than the one that was found: renamed into its place, or reached through a folder that has become
        // a link since. The second may lead anywhere.
        if ((opened.ino !== stats.ino || opened.dev !== stats.dev) && realpathSync.native(real) !== real) {
          throw new Error(`${real} leads elsewhere since it was found`);
        }
        if (end - start > WHOLE) return fileStream(handle, real, start, end);
        const bytes = new Uint8Array(end - start);
        if ((await readFully(handle, bytes, start)) < bytes.length) throw shorter(real);
        await handle.close();
        return bytes;
      } catch (error) {
        await handle.close();
        throw error;
      }
    },
  };
}

/** Reads ahead by one chunk; closes the file at the end, on errors and when nobody wants the rest. */
function fileStream(handle: FileHandle, real: string, start: number, end: number): ReadableStream<Uint8Array> {
  let at = start;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const bytes = new Uint8Array(Math.min(CHUNK, end - at));
          const read = await readFully(handle, bytes, at);
          if (read < bytes.length) throw shorter(real);
          at += read;
          controller.enqueue(bytes);
          if (at < end) return;
          await handle.close();
          controller.close();
        } catch (error) {
          await handle.close();
          throw error;
        }
      },
      cancel: () => handle.close(),
    },
    { highWaterMark: 1 },
  );
}

async function readFully(handle: FileHandle, bytes: Uint8Array, position: number): Promise<number> {
  let done = 0;
  while (done < bytes.length) {
    const { bytesRead } = await handle.read(bytes, done, bytes.length - done, position + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return done;
}

/** A byte string as a file name; `undefined` for bytes that no name of this machine can have. */
function fileName(path: string): string | undefined {
  if (path.includes("\0")) return undefined;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: ASCII is what is asked for.
  if (/^[\x00-\x7f]*$/.test(path)) return path;
  const bytes = Buffer.from(path, "latin1");
  const name = bytes.toString("utf8");
  return Buffer.from(name, "utf8").equals(bytes) ? name : undefined;
}

function missing(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === "ENOENT" || code === "ENOTDIR" || code === "ENAMETOOLONG" || code === "ELOOP";
}

function shorter(real: string): Error {
  return new Error(`${real} became shorter while it was read`);
}
