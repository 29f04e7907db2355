// What children say beside their answers (`catch_workers_output`, `decorate_workers_output`), on its way into the log.

import type { Log } from "./log.ts";

/** How what a child writes to its stdout and stderr becomes lines of the log (`catch_workers_output`). */
export interface WorkerOutputOptions {
  /** Name of the pool. */
  readonly pool: string;
  /** `decorate_workers_output`. Default true; false: the bare line, without time, level or child. */
  readonly decorate?: boolean | undefined;
}

/** Takes what a child wrote to its stdout or stderr, whole lines. */
export type WorkerOutput = (pid: number, stream: "stdout" | "stderr", text: string) => void;

/** Writes it to `log` line by line: `[pool www] child 12 said into stderr: "..."`. */
export function workerOutput(log: Log, { pool, decorate = true }: WorkerOutputOptions): WorkerOutput {
  return (pid, stream, text) => {
    for (const line of text.replace(/\r?\n$/, "").split("\n")) {
      const before = `[pool ${pool}] child ${pid} said into ${stream}: "`;
      const fields = { pool, pid, stream };
      log(
        decorate
          ? { level: "warning", message: `${before}${line}"`, said: before.length, fields }
          : { level: "warning", message: line, plain: true, fields },
      );
    }
  };
}

/**
 * A request's STDERR as php-fpm's children say it: a message of PHP comes with its level; that a script is not there is
 * between the web server and the visitor.
 *
 * @returns undefined when nothing is said
 */
export function saidOfStderr(text: string): string | undefined {
  const said = text.replace(/^; /, "");
  if (said === "Primary script unknown") return undefined;
  return said.startsWith("PHP message: ") || said.startsWith("Access to the script ") ? `NOTICE: ${said}` : said;
}
