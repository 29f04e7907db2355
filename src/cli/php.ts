// `edge-fpm php`: runs a PHP script on the command line, in the interpreter that serves requests.

import { existsSync, realpathSync, statSync } from "node:fs";
import { join } from "node:path";
import { findMasters, masterOf } from "../platform/node/master-socket.ts";
import { RemoteLocks } from "../platform/node/remote-locks.ts";
import { runScript } from "../platform/node/run-script.ts";
import type { Arguments, Command } from "./command.ts";
import { CliError, codeOf, messageOf } from "./failure.ts";
import { mailOf, mailOptions } from "./mail.ts";
import { offerPhp } from "./offer-php.ts";
import { readPhpArguments } from "./php-arguments.ts";
import { phpConfig } from "./php-config.ts";
import { readIni } from "./pool.ts";

export const php: Command = {
  name: "php",
  usage: "[options] [script.php [args...]]",
  summary: "Run a PHP script on the command line, in the interpreter that serves requests",
  readsArguments: true,
  options: {
    php: { type: "string", value: "<version>", help: "PHP version: 8.2, 8.3, 8.4 or 8.5 (the best one installed)" },
    "php-ini": {
      type: "string",
      short: "c",
      value: "<file>",
      help: "php.ini, or the folder it is in, read after our defaults",
    },
    define: {
      type: "string",
      short: "d",
      multiple: true,
      value: "<name=value>",
      help: "one php.ini setting, repeatable",
    },
    run: { type: "string", short: "r", value: "<code>", help: "run this code, without <?php" },
    ...mailOptions,
    config: {
      type: "string",
      value: "<file>",
      help: "take version, php.ini settings, environment and mail of the script's pool\n(./edge-fpm.config.ts or .js, or the one beside or above the script)",
    },
    "no-config": { type: "boolean", help: "take them from no configuration" },
    pool: { type: "string", value: "<name>", help: "the pool meant, when a configuration has several" },
    "no-network": { type: "boolean", help: "PHP reaches no network" },
    version: { type: "boolean", short: "v", help: "PHP's version" },
    info: { type: "boolean", short: "i", help: "what phpinfo() tells" },
    modules: { type: "boolean", short: "m", help: "the extensions that are compiled in" },
    "syntax-check": { type: "boolean", short: "l", help: "whether a file can be compiled" },
  },
  examples: [
    "edge-fpm php maintenance/update.php --quick",
    "edge-fpm php -d memory_limit=512M -r 'echo PHP_VERSION, PHP_EOL;'",
    "generate | edge-fpm php > page.html                # the script comes from standard input",
  ],
  notes: [
    "The other options of PHP's own command line work too. What follows the script's name is the script's.",
    "Options go before what the configuration says. A script of a site that `edge-fpm serve` serves now shares its locks.",
    "exec() and proc_open() start nothing: there are no processes; mail() needs --smtp, or mail in the configuration. Files, environment and network are the machine's.",
    "The exit status is the script's; 255 after a fatal error; 1 when PHP could not be started; 2: a wrong option.",
  ],
  run,
};

/** Exit status of PHP after an error that ends it. */
const FATAL = 255;

async function run({ positionals }: Arguments): Promise<number> {
  const asked = readPhpArguments(positionals);
  const { args, network, mail: said } = asked;
  const script = realPath(asked.script);
  const config = await phpConfig({ ...asked, script });
  const mail = mailOf({ text: (name) => said.get(name) }, config.mail);
  const text = asked.ini === undefined ? undefined : readIni(iniFile(asked.ini));
  const master = masterOf(await findMasters(), [process.cwd(), ...(script === undefined ? [] : [script])]);
  const status = await offerPhp(asked.php ?? config.php, (version) =>
    runScript({
      args,
      php: version,
      network,
      ...(text !== undefined && { ini: text }),
      ...(config.ini && { settings: config.ini }),
      ...(config.env && { env: { ...process.env, ...config.env } }),
      ...(master && { locks: new RemoteLocks(master) }),
      // Who runs a script here is no visitor: it sends as many as it wants.
      ...(mail && { mail: { ...mail, limits: { ...mail.limits, perRequest: Number.POSITIVE_INFINITY } } }),
    }),
  ).catch((error: unknown) => {
    if (codeOf(error) !== "PHP_TRAP") throw error;
    throw new CliError(messageOf(error), {
      exitCode: FATAL,
      hint: "The script did something that this build of PHP cannot do; PHP_TRAP is explained in docs/errors.md.",
      cause: error,
    });
  });
  // Connections that the script left open would keep the process alive; all output is written by now.
  process.exit(status);
}

function realPath(path: string | undefined): string | undefined {
  try {
    return path === undefined ? undefined : realpathSync(path);
  } catch {
    // PHP says that there is none.
    return undefined;
  }
}

/** The file of `-c`, which may be a folder that has one. */
function iniFile(given: string): string {
  if (statSync(given, { throwIfNoEntry: false })?.isDirectory() !== true) return given;
  const found = ["php-cli.ini", "php.ini"].map((name) => join(given, name)).find((path) => existsSync(path));
  if (found === undefined) throw new CliError(`There is no php.ini in ${given}.`, { exitCode: 2 });
  return found;
}
