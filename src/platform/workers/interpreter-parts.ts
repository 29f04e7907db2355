// What an interpreter at the edge is made of: in a child's isolate, and in the build that makes its snapshot. Both must be
// alike, or what the one remembers is wrong in the other.

import { deflateRawSync, inflateRawSync } from "node:zlib";
import { mountArchive } from "../../php/archive.ts";
import { DurableFiles } from "../../php/durable/durable-files.ts";
import type { InterpreterParts } from "./interpreter.ts";

/** Bytes of inflated files that are kept: what opcache does not hold is read again and again. */
const INFLATED = 4 * 1024 * 1024;

/** Where sessions, uploads and temporary files lie. */
const SCRATCH = "/tmp";

/** Directories that are there from the beginning. */
export const SCRATCH_DIRECTORIES: readonly string[] = [`${SCRATCH}/sessions`, `${SCRATCH}/uploads`];

type Files = Pick<InterpreterParts, "files" | "packing" | "archiveSize" | "mount">;

/**
 * The files of an interpreter.
 *
 * @param mount where PHP sees the application, such as "/app"
 */
export function filesOf(archive: Uint8Array, mount: string, onLoss: (message: string) => void): Files {
  return {
    files: new DurableFiles({ roots: [mount, SCRATCH], application: mount, onLoss }),
    // Not zstd, which is faster: of some inputs workerd cannot read what it wrote.
    packing: { pack: (bytes) => deflateRawSync(bytes, { level: 1 }), unpack: (packed) => inflateRawSync(packed) },
    archiveSize: archive.byteLength,
    mount(module) {
      // Without `maxOutputLength`: workerd refuses many outputs that fit it. The archive is of our own build.
      const inflate = (compressed: Uint8Array) => inflateRawSync(compressed);
      const status = mountArchive(module, { archive, at: mount, inflate, cacheBytes: INFLATED });
      return () => status.cachedBytes;
    },
  };
}
