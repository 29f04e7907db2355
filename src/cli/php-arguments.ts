// The arguments of `edge-fpm php`: PHP's own, in PHP's way (php-src main/getopt.c), and a few of ours among them. What
// follows the script's name is the script's, whatever it looks like.

import { CliError } from "./failure.ts";

export interface PhpArguments {
  /** What PHP itself is given. */
  readonly args: readonly string[];
  readonly php: string | undefined;
  /** File or folder of `-c`. */
  readonly ini: string | undefined;
  readonly network: boolean;
  /** `--config`, `--no-config` and `--pool`. */
  readonly config: string | undefined;
  readonly noConfig: boolean;
  readonly pool: string | undefined;
  /** The script's file, as far as one is named. */
  readonly script: string | undefined;
  /** `--smtp` and `--mail-from`, by name. */
  readonly mail: ReadonlyMap<string, string>;
}

/** PHP's options that take a value: letters, and the long names that stand alone before it. */
const LETTERS = new Set("cdfrBRFEStz");
const LONG = new Set(
  "--define --run --file --process-begin --process-code --process-file --process-end --rf --rc --re --rz --ri --zend-extension".split(
    " ",
  ),
);

/** Options of mails: those of `serve`. */
const MAIL = new Set(["--smtp", "--mail-from"]);

const SERVER = new Set(["-S", "--server", "-t", "--docroot"]);

/** @throws {CliError} exit code 2 */
export function readPhpArguments(argv: readonly string[]): PhpArguments {
  const args: string[] = [];
  let php: string | undefined;
  let ini: string | undefined;
  let network = true;
  let config: string | undefined;
  let noConfig = false;
  let pool: string | undefined;
  let script: string | undefined;
  let code = false;
  const mail = new Map<string, string>();
  let at = 0;
  const value = (name: string): string => {
    const text = argv[++at];
    if (text === undefined)
      throw new CliError(`${name} needs a value.`, { exitCode: 2, hint: "See: edge-fpm php --help" });
    return text;
  };
  for (; at < argv.length; at++) {
    const arg = argv[at] ?? "";
    if (arg === "--" || arg === "-" || !arg.startsWith("-")) break;
    const [name = arg, after] = splitLong(arg);
    if (SERVER.has(name) || arg.startsWith("-S")) {
      throw new CliError("There is no server in this command.", { exitCode: 2, hint: "Use: edge-fpm serve" });
    }
    if (name === "--php") php = after ?? value(name);
    else if (name === "--no-network") network = false;
    else if (name === "--config") config = after ?? value(name);
    else if (name === "--no-config") noConfig = true;
    else if (name === "--pool") pool = after ?? value(name);
    else if (MAIL.has(name)) mail.set(name.slice(2), after ?? value(name));
    else if (name === "--php-ini") ini = after ?? value(name);
    else if (arg === "-n" || arg === "--no-php-ini") ini = undefined;
    else if (arg.startsWith("-c")) ini = arg.length > 2 ? arg.slice(2).replace(/^=/, "") : value(arg);
    else {
      args.push(arg);
      if (wantsNext(arg)) args.push(value(arg));
      if (arg === "-f" || arg === "--file") script = argv[at];
      else if (isCode(arg)) code = true;
    }
  }
  const rest = argv.slice(at);
  if (!code && script === undefined && rest[0]?.startsWith("-") === false) script = rest[0];
  return { args: [...args, ...rest], php, ini, network, config, noConfig, pool, script, mail };
}

function splitLong(arg: string): readonly [string, string?] {
  const equals = arg.startsWith("--") ? arg.indexOf("=") : -1;
  return equals === -1 ? [arg] : [arg.slice(0, equals), arg.slice(equals + 1)];
}

/** Whether an option brings the code itself, or what to run for each line: then no file is named. */
function isCode(arg: string): boolean {
  if (arg.startsWith("--")) return arg === "--run" || arg.startsWith("--process-");
  return "rBRFE".includes([...arg.slice(1)].find((letter) => LETTERS.has(letter)) ?? " ");
}

/** Whether the value of an option is the argument after it: letters can be written together, the last one's value apart. */
function wantsNext(arg: string): boolean {
  if (arg.startsWith("--")) return LONG.has(arg);
  const first = [...arg.slice(1)].findIndex((letter) => LETTERS.has(letter));
  return first !== -1 && first === arg.length - 2;
}
