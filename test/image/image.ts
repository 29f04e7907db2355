// A web image of PHP in the test's own thread, as workerd or a browser would run it.

import { type Pair, utf8ToByteString } from "../../src/codec/index.ts";
import type { PhpImage } from "../../src/image/php-image.ts";
import { type BootOptions, bootPhp } from "../../src/php/boot.ts";
import type { PhpGlue } from "../../src/php/glue.ts";
import type { PhpHost } from "../../src/php/host.ts";

/** Opcache as the edge has it: small. */
const INI = { "opcache.memory_consumption": 8, "opcache.interned_strings_buffer": 4, memory_limit: "40M" };

export async function bootImage(image: PhpImage, options: Partial<BootOptions> = {}): Promise<PhpHost> {
  const url = `data:text/javascript;base64,${Buffer.from(image.glue).toString("base64")}`;
  return bootPhp({
    glue: (await import(url)) as PhpGlue,
    runtimeName: "WEB",
    wasm: await WebAssembly.compile(image.wasm),
    ...options,
    ini: { platform: INI, ...options.ini },
  });
}

export interface Answer {
  readonly status: number;
  readonly body: string;
  readonly log: readonly string[];
  readonly exit: number;
}

/** Runs a script that is in the interpreter's file system. */
export async function runScript(host: PhpHost, path: string): Promise<Answer> {
  let status = 0;
  let body = "";
  const log: string[] = [];
  const params: Pair[] = [
    ["SCRIPT_FILENAME", utf8ToByteString(path)],
    ["SCRIPT_NAME", "/script.php"],
    ["REQUEST_METHOD", "GET"],
    ["SERVER_PORT", "80"],
  ];
  const { status: exit } = await host.run(
    { scriptFilename: utf8ToByteString(path), params, body: new Uint8Array() },
    {
      headers: (code) => {
        status = code;
      },
      stdout: (chunk) => {
        body += Buffer.from(chunk).toString("utf8");
      },
      stderr: (chunk) => log.push(Buffer.from(chunk).toString("utf8")),
      log: (message) => log.push(message),
      finishRequest: () => {},
    },
  );
  return { status, body, log, exit };
}
