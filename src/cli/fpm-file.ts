// `edge-fpm fpm -y php-fpm.conf`: a master as the configuration wants it, in the foreground or in the background.

import type { Log } from "../fpm/index.ts";
import { logLine } from "../fpm/log-line.ts";
import { formatAddress } from "../transport/address.ts";
import type { Arguments } from "./command.ts";
import { announceReady, daemonize } from "./daemonize.ts";
import { EXIT_CONFIG, type FoundConfig, readConfig, testConfig } from "./fpm-conf.ts";
import { startMaster } from "./fpm-master.ts";
import { refuseMixture } from "./fpm-options.ts";
import { untilStopped } from "./shutdown.ts";
import { bold, cyan } from "./terminal.ts";

/** Faults of a configuration are told whole, in characters of a line. */
const LONGEST = 16 * 1024;

/** Runs what `-t`, `-D`, `-F` and the configuration ask for. */
export async function runConfig(args: Arguments): Promise<number> {
  refuseMixture(args);
  const stderr: Log = (record) => process.stderr.write(logLine(record, Date.now(), { limit: LONGEST }) ?? "");
  if (args.has("test")) return testConfig(args, stderr);
  const found = readConfig(args, stderr);
  if (found === undefined) return EXIT_CONFIG;
  return inBackground(args, found) ? daemonize() : serve(args, found);
}

/** As php-fpm: -F and -D win over `daemonize`, of which the default is yes. */
function inBackground(args: Arguments, { config }: FoundConfig): boolean {
  if (args.flag("nodaemonize")) return false;
  return args.flag("daemonize") || config.global.daemonize;
}

async function serve(args: Arguments, { config }: FoundConfig): Promise<number> {
  const level = args.flag("verbose") ? "debug" : config.global.logLevel;
  const options = { level, limit: config.global.logLimit, pid: process.pid };
  const log: Log = (record) => process.stderr.write(logLine(record, Date.now(), options) ?? "");
  const running = await startMaster(args, config, log);
  for (const { pool, address } of running.addresses) {
    process.stdout.write(
      `${bold(cyan(formatAddress(address)))}  speaks FastCGI with PHP ${running.php}, pool ${pool}\n`,
    );
  }
  announceReady();
  return untilStopped(running.finish, running.terminate);
}
