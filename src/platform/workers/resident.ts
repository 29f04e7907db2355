// The interpreter of this isolate, put together of what the build laid beside the code.

import * as glue from "edge-fpm:glue";
import archive from "app.zip";
import certificates from "ca.txt";
import { unzipSync } from "fflate";
import ini from "php.ini.txt";
import wasm from "php.wasm";
import { ResidentInterpreter } from "./interpreter.ts";
import type { ChildSettings } from "./settings.ts";

let resident: ResidentInterpreter | undefined;

/** The same one at every call. */
export function residentInterpreter(settings: Pick<ChildSettings, "mount" | "environment">): ResidentInterpreter {
  const { mount, environment } = settings;
  resident ??= new ResidentInterpreter({
    glue,
    wasm,
    ini,
    certificates,
    environment,
    archiveSize: archive.byteLength,
    mount({ FS }) {
      for (const [path, content] of Object.entries(unzipSync(new Uint8Array(archive)))) {
        const full = `${mount}/${path}`;
        FS.mkdirTree(full.slice(0, full.lastIndexOf("/")));
        FS.writeFile(full, content);
      }
      return () => 0;
    },
  });
  return resident;
}
