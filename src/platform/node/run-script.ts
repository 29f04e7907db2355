// `php` on the command line, in this very thread: signals end it as they end a native program, and its output is written
// when PHP writes it.

import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { runCommandLine } from "../../php/command-line.ts";
import { PhpError } from "../../php/errors.ts";
import { buildCommandLineIni, sendmailPathOf } from "../../php/ini.ts";
import { SENDMAIL_NOT_CONFIGURED } from "../../php/mail-process.ts";
import type { MailService } from "../../php/mail-service.ts";
import { loadExtensions } from "./extensions.ts";
import { createLockTable, type Locks } from "./file-locks.ts";
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
  /** Single settings of php.ini, read after it; those of `args` go before them. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Default: that of this process. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Absolute. Default: that of this process. */
  readonly cwd?: string;
  /** Whether PHP reaches the network. Default true. */
  readonly network?: boolean;
  /** Where file locks are held. Default: by this process alone. */
  readonly locks?: Locks;
  /** Takes the mails of mail(). Without it mail() gives false and a warning that says so. */
  readonly mail?: MailService;
}

/**
 * Runs PHP's command line program over this process's standard streams. PHP sees the whole machine.
 *
 * @returns the exit status; connections that the script left open may keep the process alive
 * @throws {PhpError} `PHP_NOT_INSTALLED`, `PHP_UNKNOWN_VERSION`, `PHP_EXTENSION`, `PHP_BOOT`, `PHP_TRAP`
 */
export async function runScript(options: RunScriptOptions): Promise<number> {
  const php = choosePhpVersion(options.php, options);
  const glueUrl = phpPackageUrl(php, options);
  const { wasm, path } = await compile(glueUrl, php);
  const { args, asked, sendmailPath } = readSettings(options.args);
  const { ini, extensions } = loadExtensions(
    {
      ...(options.ini !== undefined && { text: options.ini }),
      settings: { ...options.settings, extension: [options.settings?.extension ?? "", ...asked].join(",") },
    },
    path,
    { ...options, env: options.env ?? process.env },
  );
  const settings = {
    glueUrl,
    wasm,
    extensions,
    env: defined(options.env ?? process.env),
    network: options.network ?? true,
    processId: process.pid,
    locks: options.locks ?? createLockTable(),
    mounts: ["/"],
    // The system's own place for what is temporary, as a native program has it.
    sharedDirectory: tmpdir(),
  };
  const noMail = options.mail === undefined ? { sendmail_path: SENDMAIL_NOT_CONFIGURED } : {};
  return runCommandLine({
    ...(await interpreterOptions(settings)),
    iniText: buildCommandLineIni({ ...ini, platform: { ...noMail, ...CERTIFICATES_INI } }),
    ...(options.mail && { mail: options.mail }),
    sendmailPath: sendmailPath ?? sendmailPathOf(ini),
    args,
    cwd: options.cwd ?? process.cwd(),
    streams: processStreams(),
  });
}

interface ReadSettings {
  /** Without those that name extensions. */
  readonly args: readonly string[];
  /** Extensions. */
  readonly asked: readonly string[];
  readonly sendmailPath: string | undefined;
}

/** Reads `-d` among PHP's own options, which end at the first that is none, and takes `-d extension=...` out. */
function readSettings(given: readonly string[]): ReadSettings {
  const args = [...given];
  const asked: string[] = [];
  let sendmailPath: string | undefined;
  for (let at = 0; args[at]?.startsWith("-"); ) {
    const apart = args[at] === "-d";
    const text = (apart ? args[at + 1] : args[at]) ?? "";
    const setting = /^(?:-d)?(?:zend_)?extension=(.*)$/s.exec(text);
    if (setting === null) {
      sendmailPath = (apart ? /^sendmail_path=(.*)$/s : /^-dsendmail_path=(.*)$/s).exec(text)?.[1] ?? sendmailPath;
      if (args[at] === "--") break;
      at += /^-[cdfrBREFSt]$/.test(args[at] ?? "") ? 2 : 1;
      continue;
    }
    asked.push(setting[1] ?? "");
    args.splice(at, apart ? 2 : 1);
  }
  return { args, asked, sendmailPath };
}

async function compile(
  glueUrl: string,
  php: string,
): Promise<{ readonly wasm: WebAssembly.Module; readonly path: string }> {
  try {
    const { dependencyFilename: path } = await loadPhpGlue(glueUrl);
    return { wasm: await WebAssembly.compile(await readFile(path)), path };
  } catch (cause) {
    throw new PhpError("PHP_BOOT", `PHP ${php} is installed but cannot be read: ${String(cause)}`, { cause });
  }
}

function defined(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}
