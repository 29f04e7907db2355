// Cached responses as files, as nginx keeps them: two levels of folders, one file a record. They outlive the process.

import { createHash, randomUUID } from "node:crypto";
import { mkdir, open, readdir, readFile, rename, stat, unlink } from "node:fs/promises";
import { join } from "node:path";
import { LRUCache } from "lru-cache";
import {
  type CacheRecord,
  type CacheStore,
  decodeRecord,
  decodeRecordHead,
  encodeRecord,
  isPurged,
} from "../../gateway/cache/index.ts";

/** Where records of a cache are kept on the disk, and how many. */
export interface DiskStoreOptions {
  /** The folder; made when it is not there. For one process at a time. */
  readonly folder: string;
  /** Most bytes of all files; the least recently used go first. 1 GiB. */
  readonly maxBytes?: number;
  /** Milliseconds after which a record that nobody asked for is deleted, fresh or not. 600,000, as nginx's `inactive`. */
  readonly inactive?: number;
  /** Milliseconds since the epoch; `Date.now`. */
  readonly now?: () => number;
  /** Told of a file that could not be deleted. Must not throw. */
  readonly onError?: (error: unknown) => void;
}

/** A store of a cache in a folder. */
export interface DiskStore extends CacheStore {
  /** Settles when the files of earlier processes are known. They are found before that too, but not counted or purged. */
  readonly loaded: Promise<void>;
  /** Deletes what was not asked for. It happens by itself while records are stored. */
  sweep(): Promise<void>;
}

/** What is known of a file without reading it. */
interface FileFacts {
  readonly key: string;
  readonly tags: readonly string[];
  /** Bytes. */
  readonly size: number;
  /** Milliseconds since the epoch. */
  usedAt: number;
}

/** The disk gives whole blocks: a small record costs one of them. */
const BLOCK = 4096;

/** Bytes read of a file for its head at first. */
const HEAD_BYTES = 8 * 1024;

/** SHA-256 of the rest, at the end of each file: a machine that lost its power leaves files of the right length. */
const DIGEST_BYTES = 32;

/** Milliseconds between two looks for what nobody asked for. */
const SWEEP_EVERY = 10_000;

/** Opens a folder. Reads what earlier processes left there in the background. */
export function diskStore(options: DiskStoreOptions): DiskStore {
  const { folder, inactive = 600_000, now = Date.now } = options;
  const failed = (error: unknown) => options.onError?.(error);
  let sweptAt = now();
  // What one name is asked to do is done in order: a write after a delete stays.
  const queues = new Map<string, Promise<unknown>>();
  const inOrder = async <T>(hash: string, work: () => Promise<T>): Promise<T> => {
    const result = (queues.get(hash) ?? Promise.resolve()).then(work, work);
    queues.set(hash, result);
    try {
      return await result;
    } finally {
      if (queues.get(hash) === result) queues.delete(hash);
    }
  };
  const drop = (hash: string) => inOrder(hash, () => remove(pathOf(folder, hash)));

  const files = new LRUCache<string, FileFacts>({
    maxSize: options.maxBytes ?? 1024 * 1024 * 1024,
    sizeCalculation: ({ size }) => Math.max(1, Math.ceil(size / BLOCK)) * BLOCK,
    dispose: (_facts, hash, reason) => {
      if (reason === "evict") drop(hash).catch(failed);
    },
  });

  const sweep = async (): Promise<void> => {
    sweptAt = now();
    for (const hash of [...files.rkeys()]) {
      if ((files.peek(hash)?.usedAt ?? 0) > sweptAt - inactive) break;
      files.delete(hash);
      await drop(hash).catch(failed);
    }
  };

  const loaded = load(folder, (hash, facts) => {
    if (!files.has(hash)) files.set(hash, facts);
  }).catch(failed);

  return {
    loaded,
    sweep,
    async get(name) {
      const hash = hashOf(name);
      const facts = files.get(hash);
      if (facts !== undefined && facts.usedAt <= now() - inactive) {
        files.delete(hash);
        await drop(hash).catch(failed);
        return undefined;
      }
      const bytes = await contentOf(pathOf(folder, hash));
      const record = bytes === undefined ? undefined : decodeRecord(name, bytes);
      if (bytes === undefined || record === undefined) return undefined;
      if (facts !== undefined) facts.usedAt = now();
      else if (!files.has(hash)) files.set(hash, { ...factsOf(record, bytes.length), usedAt: now() });
      return record;
    },
    set(name, record) {
      const hash = hashOf(name);
      return inOrder(hash, async () => {
        const size = await write(folder, hash, encodeRecord(name, record));
        files.set(hash, { ...factsOf(record, size), usedAt: now() });
        if (now() - sweptAt >= SWEEP_EVERY) sweep().catch(failed);
      });
    },
    async delete(name) {
      const hash = hashOf(name);
      files.delete(hash);
      await drop(hash);
    },
    async purge(purge) {
      await loaded;
      let purged = 0;
      for (const [hash, facts] of [...files.entries()]) {
        if (!isPurged(purge, facts)) continue;
        files.delete(hash);
        await drop(hash);
        purged++;
      }
      return purged;
    },
  };
}

function factsOf({ key, tags }: CacheRecord, size: number): Omit<FileFacts, "usedAt"> {
  return { key, tags, size };
}

/** 32 hexadecimal digits. The name itself is in the file, so that two names of one hash are only a miss. */
function hashOf(name: string): string {
  return createHash("sha256").update(name).digest("hex").slice(0, 32);
}

/** `.../c/29/b7f54b2df7773722d382f4809d65029c`: nginx's `levels=1:2`. */
function pathOf(folder: string, hash: string): string {
  return join(folder, hash.slice(-1), hash.slice(-3, -1), hash);
}

/** Content without its digest; `undefined` when there is no such file, or it is damaged. */
async function contentOf(path: string): Promise<Uint8Array | undefined> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
  const end = bytes.length - DIGEST_BYTES;
  if (end < 0) return undefined;
  const content = bytes.subarray(0, end);
  return createHash("sha256").update(content).digest().equals(bytes.subarray(end)) ? content : undefined;
}

/** Writes beside the place and moves there: a reader sees the old record or the new one, whole. */
async function write(folder: string, hash: string, pieces: readonly Uint8Array[]): Promise<number> {
  const path = pathOf(folder, hash);
  const temporary = `${path}.${randomUUID()}`;
  const digest = createHash("sha256");
  for (const piece of pieces) digest.update(piece);
  await mkdir(join(path, ".."), { recursive: true, mode: 0o700 });
  try {
    const file = await open(temporary, "wx", 0o600);
    let size = 0;
    try {
      for (const piece of [...pieces, digest.digest()]) {
        await file.writeFile(piece);
        size += piece.length;
      }
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    return size;
  } catch (error) {
    await remove(temporary);
    throw error;
  }
}

async function remove(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === "ENOENT";
}

/** A record, or one that is being written. Other files are not ours to delete. */
const OUR_NAME = /^[0-9a-f]{32}(?:\.[0-9a-f-]{36})?$/;

/** Reads the heads of all files, the least recently written first, and deletes damaged ones. */
async function load(folder: string, found: (hash: string, facts: FileFacts) => void): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const known: [string, FileFacts][] = [];
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !OUR_NAME.test(entry.name)) continue;
    const path = join(entry.parentPath, entry.name);
    const facts = entry.name.includes(".") ? undefined : await factsOfFile(path);
    if (facts !== undefined) known.push([entry.name, facts]);
    // A file beside its place: its writer was killed. This process's own may be a moment old.
    else if (await isOld(path)) await remove(path);
  }
  known.sort(([, a], [, b]) => a.usedAt - b.usedAt);
  for (const [hash, facts] of known) found(hash, facts);
}

/** Milliseconds after which a file that is no record is nobody's any more. */
const ABANDONED_AFTER = 60_000;

async function isOld(path: string): Promise<boolean> {
  const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Number.POSITIVE_INFINITY }));
  return Date.now() - mtimeMs > ABANDONED_AFTER;
}

async function factsOfFile(path: string): Promise<FileFacts | undefined> {
  const file = await open(path).catch(() => undefined);
  if (file === undefined) return undefined;
  try {
    const { size, mtimeMs } = await file.stat();
    for (let length = HEAD_BYTES; ; length *= 16) {
      const bytes = new Uint8Array(Math.min(length, size));
      const { bytesRead } = await file.read(bytes, 0, bytes.length, 0);
      const head = decodeRecordHead(bytes.subarray(0, bytesRead));
      if (head !== undefined) return { key: head.record.key, tags: head.record.tags, size, usedAt: mtimeMs };
      if (length >= size) return undefined;
    }
  } finally {
    await file.close();
  }
}
