// Interpreters that are started, copied and started again from the copy, on both builds of PHP.

import { buildPhpImage } from "../../../src/image/php-image.ts";
import { startPhp } from "../../../src/php/boot.ts";
import type { PhpGlue, PhpModule } from "../../../src/php/glue.ts";
import type { Interpreter } from "../../../src/php/interpreter.ts";
import type { InitialMemory } from "../../../src/php/snapshot/memory.ts";
import type { StoredSnapshot } from "../../../src/php/snapshot/portable.ts";
import { evaluateGlue } from "../../../src/platform/node/glue-code.ts";
import { PhpCode } from "../../../src/platform/node/php-code.ts";
import { choosePhpVersion, phpPackageUrl } from "../../../src/platform/node/php-versions.ts";

export type Build = "node" | "web";

interface Parts {
  readonly glue: PhpGlue;
  readonly wasm: WebAssembly.Module;
  readonly initialMemory?: InitialMemory | undefined;
}

const builds = new Map<string, Promise<Parts>>();

async function load(build: Build, php: string): Promise<Parts> {
  if (build === "web") {
    const { glue, wasm } = await buildPhpImage({ php });
    return {
      glue: await import(`data:text/javascript,${encodeURIComponent(glue)}`),
      wasm: await WebAssembly.compile(wasm),
    };
  }
  const { wasm, glueCode, initialMemory } = await (await PhpCode.read(phpPackageUrl(choosePhpVersion(php)))).slim();
  if (glueCode === undefined) throw new Error("the glue of this package cannot be made a script");
  return { glue: evaluateGlue(glueCode), wasm, initialMemory };
}

export interface StartOptions {
  /** Version of PHP. Default: "8.4". */
  readonly php?: string;
  readonly files?: Readonly<Record<string, string>>;
  readonly env?: Record<string, string>;
  readonly ini?: string;
  readonly processId?: number;
  readonly snapshot?: StoredSnapshot;
  /** Time stands still: what differs then does not come from the clock. */
  readonly stopped?: boolean;
}

/** Starts an interpreter in a fresh instance, with scripts below /www. */
export async function start(build: Build, options: StartOptions): Promise<Interpreter> {
  const { php = "8.4", files = {}, env, ini, processId, snapshot, stopped } = options;
  const known = builds.get(`${build} ${php}`) ?? load(build, php);
  builds.set(`${build} ${php}`, known);
  return await startPhp({
    ...(await known),
    runtimeName: build === "node" ? "NODE" : "WEB",
    files: new Map(Object.entries(files).map(([name, code]) => [`/www/${name}`, code])),
    ...(env && { env }),
    ...(ini !== undefined && { ini: { text: ini } }),
    ...(processId !== undefined && { processId }),
    ...(snapshot && { snapshot }),
    ...(stopped && { imports: stopClock }),
  });
}

const NOON = 1_800_000_000_000;

function stopClock(imports: WebAssembly.Imports, module: () => PhpModule): void {
  const env = imports.env as Record<string, unknown>;
  const wasi = imports.wasi_snapshot_preview1 as Record<string, unknown>;
  env.emscripten_get_now = () => NOON;
  env.emscripten_date_now = () => NOON;
  wasi.clock_time_get = (_clock: number, _precision: bigint, address: number) => {
    new DataView(module().HEAPU8.buffer).setBigUint64(address, BigInt(NOON) * 1_000_000n, true);
    return 0;
  };
}

/** Runs a script below /www. What PHP logs is part of the answer, so that nothing goes unseen. */
export async function run({ host }: Interpreter, name: string): Promise<string> {
  let body = "";
  await host.run(
    { scriptFilename: `/www/${name}`, params: [["REQUEST_METHOD", "GET"]], body: new Uint8Array(0) },
    {
      headers() {},
      stdout: (chunk) => {
        body += Buffer.from(chunk).toString("latin1");
      },
      stderr() {},
      log: (message) => {
        body += `[${message}]`;
      },
      finishRequest() {},
    },
  );
  return body;
}
