// `edge-fpm fpm -y php-fpm.conf`: a master as the configuration wants it, in the foreground or in the background.

import type { Log } from "../fpm/index.ts";
import { logTime } from "../fpm/strftime.ts";
import { formatAddress } from "../transport/address.ts";
import type { Arguments } from "./command.ts";
import { announceReady, daemonize } from "./daemonize.ts";
import { EXIT_CONFIG, type FoundConfig, readConfig, testConfig } from "./fpm-conf.ts";
import { errorLog, LogFiles } from "./fpm-logs.ts";
import { startMaster } from "./fpm-master.ts";
import { refuseMixture } from "./fpm-options.ts";
import { obeySignals } from "./signals.ts";
import { bold, cyan, note } from "./terminal.ts";

/** Runs what `-t`, `-D`, `-F` and the configuration ask for. */
export async function runConfig(args: Arguments): Promise<number> {
  refuseMixture(args);
  // What is wrong with a configuration is told whole, however long the line.
  const terminal: Log = ({ level, message }) => note(`[${logTime(Date.now())}] ${level.toUpperCase()}: ${message}`);
  if (args.has("test")) return testConfig(args, terminal);
  const found = readConfig(args, terminal);
  if (found === undefined) return EXIT_CONFIG;
  return inBackground(args, found) ? daemonize() : serve(args, found);
}

/** As php-fpm: -F and -D win over `daemonize`, of which the default is yes. */
function inBackground(args: Arguments, { config }: FoundConfig): boolean {
  if (args.flag("nodaemonize")) return false;
  return args.flag("daemonize") || config.global.daemonize;
}

async function serve(args: Arguments, { config }: FoundConfig): Promise<number> {
  const logs = new LogFiles();
  const plan = { forceStderr: args.flag("force-stderr"), verbose: args.flag("verbose") };
  const log = errorLog(config.global, logs, plan);
  const starting = startMaster(args, config, { log, logs, reread: () => readConfig(args, log)?.config });
  // From now on: a signal may come as soon as there is a pid file, and without a listener it would end the process.
  const obeyed = obeySignals({
    terminate: async () => (await starting).terminate(),
    finish: async () => (await starting).finish(),
    reload: async () => (await starting).reload(),
    reopenLogs: async () => (await starting).reopenLogs(),
  });
  // A start that fails is told below, not by a stop that waited for it.
  obeyed.catch(() => {});
  const running = await starting;
  for (const { pool, address } of running.addresses) {
    process.stdout.write(
      `${bold(cyan(formatAddress(address)))}  speaks FastCGI with PHP ${running.php}, pool ${pool}\n`,
    );
  }
  announceReady();
  return obeyed;
}
