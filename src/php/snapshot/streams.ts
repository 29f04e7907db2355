// The table of open files, which PHP knows by number and JavaScript keeps.

import type { GlueStream, PhpModule } from "../glue.ts";

/** An open file that can be opened again elsewhere. */
export interface SavedStream {
  readonly fd: number;
  readonly path: string;
  /** As given to open(): fcntl.h of the interpreter's C library. */
  readonly flags: number;
  readonly position: number;
  /** It has no name any more: made anew, it loses it at once. */
  readonly nameless: boolean;
}

interface OpenStream extends GlueStream {
  position?: number;
}

interface Files {
  readonly streams: (OpenStream | null | undefined)[];
  open(path: string, flags: number, mode?: number): OpenStream;
  close(stream: OpenStream): void;
  unlink(path: string): void;
  lookupPath(path: string): unknown;
}

// fcntl.h
const O_CREAT = 0o100;
const O_EXCL = 0o200;
const O_TRUNC = 0o1000;

/** What every interpreter holds open of its own: devices, and opcache's lock file. */
const OWN = /^\/dev\/|^\/(?:internal\/locks|tmp)\/\.ZendSem\.\w+$/;

/**
 * The open files.
 *
 * @returns `open`: those that must not be open in a snapshot: a script's own files and sockets
 */
export function saveStreams(module: PhpModule): { readonly streams: SavedStream[]; readonly open: string[] } {
  const files = filesOf(module);
  const streams: SavedStream[] = [];
  const open: string[] = [];
  files.streams.forEach((stream, fd) => {
    if (!stream) return;
    const path = stream.path ?? "";
    if (!OWN.test(path) || stream.nfd !== undefined) open.push(path === "" ? `descriptor ${fd}` : path);
    else
      streams.push({ fd, path, flags: stream.flags, position: stream.position ?? 0, nameless: !exists(files, path) });
  });
  return { streams, open };
}

/** Makes the table what it was: what is open and was not is closed, what was open and is not is opened again. */
export function restoreStreams(module: PhpModule, saved: readonly SavedStream[]): void {
  const files = filesOf(module);
  const wanted = new Map(saved.map((stream) => [stream.fd, stream]));
  const kept: (OpenStream | null)[] = [];
  for (const [fd, stream] of [...files.streams].entries()) {
    if (!stream) continue;
    if (wanted.get(fd)?.path === stream.path && stream.nfd === undefined) kept[fd] = stream;
    else closeQuietly(files, stream);
  }
  for (const { fd, path, flags, position, nameless } of saved) {
    let stream = kept[fd];
    if (!stream) {
      // Opened at whatever number is free, and moved.
      stream = files.open(path, (flags & ~(O_EXCL | O_TRUNC)) | (nameless ? O_CREAT : 0), 0o600);
      files.streams[stream.fd] = null;
      if (nameless) files.unlink(path);
      kept[fd] = stream;
    }
    stream.fd = fd;
    if (stream.position !== undefined) stream.position = position;
  }
  files.streams.length = 0;
  for (const [fd, stream] of kept.entries()) files.streams[fd] = stream ?? null;
}

function closeQuietly(files: Files, stream: OpenStream): void {
  try {
    files.close(stream);
  } catch {
    // A stream of a broken interpreter may not close properly; its number is taken back all the same.
  }
}

function exists(files: Files, path: string): boolean {
  try {
    files.lookupPath(path);
    return true;
  } catch {
    return false;
  }
}

function filesOf(module: PhpModule): Files {
  return module.FS as unknown as Files;
}
