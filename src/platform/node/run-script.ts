// `php` on the command line, in this very thread: signals end it as they end a native program, and its output is written
// when PHP writes it.

import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { runCommandLine } from "../../php/command-line.ts";
import { PhpError } from "../../php/errors.ts";
import { buildCommandLineIni } from "../../php/ini.ts";
import { createLockTable } from "./file-locks.ts";
import { CERTIFICATES_INI, interpreterOptions } from "./interpreter.ts";
import { loadPhpGlue } from "./load-glue.ts";
import { choosePhpVersion, type PhpLookup, phpPackageUrl } from "./php-versions.ts";
import { processStreams } from "./standard-streams.ts";

export interface RunScriptOptions extends PhpLookup {
  /** PHP's own options, the script, and the script's arguments. */
  readonly args: readonly string[];
  /** Version of PHP, such as "8.2". Default: the best one installed. */
  readonly php?: string;
  /** Text of a php.ini, read after our defaults. */
  readonly ini?: string;
  /** Default: that of this process. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Absolute. Default: that of this process. */
  readonly cwd?: string;
  /** Whether PHP reaches the network. Default true. */
  readonly network?: boolean;
}

/**
 * Runs PHP's command line program over this process's standard streams. PHP sees the whole machine.
 *
 * @returns the exit status; connections that the script left open may keep the process alive
 * @throws {PhpError} `PHP_NOT_INSTALLED`, `PHP_UNKNOWN_VERSION`, `PHP_BOOT`, `PHP_TRAP`
 */
export async function runScript(options: RunScriptOptions): Promise<number> {
  const php = choosePhpVersion(options.php, options);
  const glueUrl = phpPackageUrl(php, options);
  const wasm = await compile(glueUrl, php);
  const settings = {
    glueUrl,
    wasm,
    env: defined(options.env ?? process.env),
    network: options.network ?? true,
    processId: process.pid,
    locks: createLockTable(),
    mounts: ["/"],
    // The system's own place for what is temporary, as a native program has it.
    sharedDirectory: tmpdir(),
  };
  return runCommandLine({
    ...(await interpreterOptions(settings)),
    iniText: buildCommandLineIni({
      platform: CERTIFICATES_INI,
      ...(options.ini === undefined ? {} : { text: options.ini }),
    }),
    args: options.args,
    cwd: options.cwd ?? process.cwd(),
    streams: processStreams(),
  });
}

async function compile(glueUrl: string, php: string): Promise<WebAssembly.Module> {
  try {
    const glue = await loadPhpGlue(glueUrl);
    return await WebAssembly.compile(await readFile(glue.dependencyFilename));
  } catch (cause) {
    throw new PhpError("PHP_BOOT", `PHP ${php} is installed but cannot be read: ${String(cause)}`, { cause });
  }
}

function defined(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}
