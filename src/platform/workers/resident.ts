// The interpreter of this isolate, put together of what the build laid beside the code.

import * as glue from "edge-fpm:glue";
import { deflateRawSync, inflateRawSync } from "node:zlib";
import archive from "app.zip";
import certificates from "ca.txt";
import ini from "php.ini.txt";
import wasm from "php.wasm";
import { mountArchive } from "../../php/archive.ts";
import { DurableFiles } from "../../php/durable/durable-files.ts";
import { ResidentInterpreter } from "./interpreter.ts";
import type { ChildSettings } from "./settings.ts";

/** Bytes of inflated files that are kept: what opcache does not hold is read again and again. */
const INFLATED = 4 * 1024 * 1024;

/** Where sessions, uploads and temporary files lie. */
export const SCRATCH = "/tmp";

let resident: ResidentInterpreter | undefined;

/** The same one at every call. */
export function residentInterpreter(
  settings: Pick<ChildSettings, "mount" | "environment" | "maxRequests">,
): ResidentInterpreter {
  const { mount, environment, maxRequests } = settings;
  resident ??= new ResidentInterpreter({
    glue,
    wasm,
    ini,
    certificates,
    environment,
    maxRequests,
    files: new DurableFiles({
      roots: [mount, SCRATCH],
      application: mount,
      onLoss: (message) => console.error(message),
    }),
    // Not zstd, which is faster: of some inputs workerd cannot read what it wrote.
    packing: { pack: (bytes) => deflateRawSync(bytes, { level: 1 }), unpack: (packed) => inflateRawSync(packed) },
    archiveSize: archive.byteLength,
    mount(module) {
      // Without `maxOutputLength`: workerd refuses many outputs that fit it. The archive is of our own build.
      const inflate = (compressed: Uint8Array) => inflateRawSync(compressed);
      const options = { archive: new Uint8Array(archive), at: mount, inflate, cacheBytes: INFLATED };
      const status = mountArchive(module, options);
      return () => status.cachedBytes;
    },
  });
  return resident;
}
