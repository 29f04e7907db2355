// The log files of a configuration: opened once each, whoever writes to them, and opened again on demand.

import { chownSync, statSync } from "node:fs";
import type { GlobalConfig, PoolFile } from "../fpm/conf/types.ts";
import { AccessLog, type Log, type LogRecord, logLine } from "../fpm/index.ts";
import { LogFile } from "../platform/node/log-file.ts";
import { CliError, messageOf } from "./failure.ts";

/** php-fpm's exit status when a log cannot be opened is that of its configuration. */
const EXIT_CONFIG = 78;

/** Paths that are this process's own standard error. */
const STDERR = new Set(["/dev/stderr", "/proc/self/fd/2", "/dev/fd/2"]);

/** Log files by encoding and path. */
export class LogFiles {
  readonly #files = new Map<string, LogFile>();

  /** @throws {CliError} exit code 78 when it cannot be opened */
  open(directive: string, path: string, encoding: BufferEncoding): LogFile {
    const key = `${encoding} ${path}`;
    const known = this.#files.get(key);
    if (known !== undefined) return known;
    try {
      const file = new LogFile(path, encoding);
      this.#files.set(key, file);
      return file;
    } catch (error) {
      throw new CliError(`${directive} ${path} cannot be opened: ${messageOf(error)}`, {
        exitCode: EXIT_CONFIG,
        cause: error,
      });
    }
  }

  /** The access log of a pool; undefined when it has none. */
  access(pool: PoolFile): AccessLog | undefined {
    if (pool.accessLog === undefined) return undefined;
    // Lines are byte strings.
    const file = this.open("access.log", pool.accessLog, "latin1");
    return new AccessLog({
      format: pool.accessFormat,
      suppressPaths: pool.accessSuppressPath,
      write: (line) => file.write(`${line}\n`),
    });
  }

  /** What takes the entries of a pool's slowlog; undefined when it has none. */
  slow(pool: PoolFile): ((entry: string) => void) | undefined {
    if (pool.slowlog === undefined || pool.requestSlowlogTimeout === 0) return undefined;
    const file = this.open("slowlog", pool.slowlog, "utf8");
    return (entry) => file.write(entry);
  }

  /** Gives the files to a user that the process is about to become, who could not open them again otherwise. */
  giveTo(uid: number, gid: number): void {
    for (const { path } of this.#files.values()) if (statSync(path).isFile()) chownSync(path, uid, gid);
  }

  /** Opens all again. One that cannot be keeps its old file; the others go on. */
  reopen(log: Log): void {
    for (const file of this.#files.values()) {
      try {
        file.reopen();
      } catch (error) {
        const message = `${file.path} cannot be opened again, its old file stays open: ${messageOf(error)}`;
        log({ level: "error", message, fields: { path: file.path } });
      }
    }
  }

  close(): void {
    for (const file of this.#files.values()) file.close();
    this.#files.clear();
  }
}

/** What of the command line says where records go. */
export interface LogPlan {
  /** -O: standard error too, even when it is no terminal. */
  readonly forceStderr: boolean;
  /** Whatever `log_level` says. */
  readonly verbose: boolean;
}

/**
 * The error log: the file of `error_log`, and standard error beside it when somebody looks at it, as php-fpm in the
 * foreground.
 *
 * @throws {CliError} exit code 78 when the file cannot be opened
 */
export function errorLog(global: GlobalConfig, files: LogFiles, plan: LogPlan): Log {
  const options = {
    level: plan.verbose ? "debug" : global.logLevel,
    limit: global.logLimit,
    pid: process.pid,
  } as const;
  const own = STDERR.has(global.errorLog) || global.errorLog === "syslog";
  const file = own ? undefined : files.open("error_log", global.errorLog, "utf8");
  const stderr = own || plan.forceStderr || process.stderr.isTTY === true;
  return (record: LogRecord) => {
    const line = logLine(record, Date.now(), options);
    if (line === undefined) return;
    file?.write(line);
    if (stderr) process.stderr.write(line);
  };
}
