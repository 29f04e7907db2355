// Interpreters in this process, to measure them without threads and wires.

import { mkdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { PhpHost } from "../src/php/host.ts";
import { createLockTable } from "../src/platform/node/file-locks.ts";
import type { InterpreterSettings } from "../src/platform/node/interpreter.ts";
import { loadPhpGlue } from "../src/platform/node/load-glue.ts";
import { choosePhpVersion, phpPackageUrl } from "../src/platform/node/php-versions.ts";

/** Settings for interpreters that see `root`. The compiled module is made anew at each call: share the result. */
export async function interpreterSettings(
  root: string,
  settings: Readonly<Record<string, string | number>> = {},
): Promise<InterpreterSettings> {
  const glueUrl = phpPackageUrl(choosePhpVersion());
  const glue = await loadPhpGlue(glueUrl);
  const sharedDirectory = join(root, ".shared");
  for (const part of ["sessions", "uploads", "tmp"]) mkdirSync(join(sharedDirectory, part), { recursive: true });
  return {
    glueUrl,
    wasm: await WebAssembly.compile(await readFile(glue.dependencyFilename)),
    ini: { settings },
    env: {},
    network: false,
    processId: 1,
    locks: createLockTable(),
    mounts: [root],
    sharedDirectory,
  };
}

/** What a script prints. */
export async function runScript(php: PhpHost, script: string): Promise<string> {
  let body = "";
  const text = new TextDecoder();
  await php.run(
    {
      scriptFilename: script,
      params: [
        ["REQUEST_METHOD", "GET"],
        ["REQUEST_URI", "/"],
        ["SCRIPT_NAME", "/index.php"],
        ["SCRIPT_FILENAME", script],
      ],
      body: new Uint8Array(0),
    },
    {
      headers() {},
      stdout(chunk) {
        body += text.decode(chunk, { stream: true });
      },
      stderr() {},
      log() {},
      finishRequest() {},
    },
  );
  return body;
}
