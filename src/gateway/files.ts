// What the gateway needs of a platform's files: to find one, and to read it. `src/platform/node/files.ts` is one.

/** A regular file. */
export interface FileEntry {
  readonly type: "file";
  /** Bytes. */
  readonly size: number;
  /** Milliseconds since 1970. */
  readonly modified: number;
  /**
   * The bytes from `start` up to but without `end`: whole for a small file, else a stream that errors when the file
   * turns out shorter. An array belongs to the caller.
   */
  read(start: number, end: number): Promise<Uint8Array | ReadableStream<Uint8Array>>;
}

/** What a path leads to. `refused`: something is there, but outside the root or neither a file nor a folder. */
export type Entry = FileEntry | { readonly type: "directory" } | { readonly type: "refused" };

/** The files below a document root. */
export interface FileSource {
  /**
   * @param path a byte string as `decodePath` returns it: begins with a slash, has no dot segments
   * @param toRun the file is for an application, which opens it by its name later on: what was there a moment ago will do
   * @returns what is there; `undefined` when nothing is
   */
  find(path: string, toRun?: boolean): Entry | undefined | Promise<Entry | undefined>;
}
