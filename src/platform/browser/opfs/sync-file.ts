// As much of a file in the browser's private file system as the home uses: a synchronous access handle is one.

/** All calls are synchronous. Nobody else has the file open. */
export interface SyncFile {
  getSize(): number;
  /** @returns bytes read: fewer at the end of the file */
  read(into: Uint8Array<ArrayBuffer>, options: { readonly at: number }): number;
  /** @returns bytes written */
  write(bytes: Uint8Array<ArrayBuffer>, options: { readonly at: number }): number;
  truncate(size: number): void;
  /** What was written before is on disk when this returns. */
  flush(): void;
  close(): void;
}

/** Bytes of a file. @returns undefined when it ends before */
export function readExactly(file: SyncFile, at: number, length: number): Uint8Array<ArrayBuffer> | undefined {
  const bytes = new Uint8Array(length);
  return file.read(bytes, { at }) === length ? bytes : undefined;
}

/** @throws {Error} when not all of it could be written: the browser gives the page no more room */
export function writeExactly(file: SyncFile, bytes: Uint8Array<ArrayBuffer>, at: number): void {
  const written = file.write(bytes, { at });
  if (written !== bytes.length) throw new Error(`the disk is full: ${written} of ${bytes.length} bytes were written`);
}
