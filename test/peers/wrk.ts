// Load from wrk: many requests on a few connections, and what came back.

import { peerPath } from "./peer.ts";
import { Program } from "./program.ts";

export interface WrkReport {
  readonly requests: number;
  /** Answers with a status of 400 or more. */
  readonly refused: number;
  /** Connections that could not be made, or broke, or were silent for too long. */
  readonly socketErrors: number;
  readonly text: string;
}

export interface Wrk {
  readonly program: Program;
  /** The report, when its time is over. */
  readonly report: Promise<WrkReport>;
}

export interface WrkOptions {
  readonly connections: number;
  readonly seconds: number;
  /** After how many seconds a silent connection counts as an error. Default 20. */
  readonly timeout?: number;
}

/** Starts load on a URL. One thread: the machine has better things to do. */
export function startWrk(url: string, { connections, seconds, timeout = 20 }: WrkOptions): Wrk {
  const args = ["-t1", `-c${connections}`, `-d${seconds}s`, "--timeout", `${timeout}s`, url];
  const program = new Program(peerPath("wrk"), args);
  const report = program.exited.then(() => readReport(program));
  return { program, report };
}

function readReport(program: Program): WrkReport {
  const text = program.output();
  const requests = /(\d+) requests in/.exec(text)?.[1];
  if (requests === undefined) throw program.problem("reported no requests");
  const errors = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(text)?.slice(1) ?? [];
  return {
    requests: Number(requests),
    refused: Number(/Non-2xx or 3xx responses: (\d+)/.exec(text)?.[1] ?? 0),
    socketErrors: errors.reduce((sum, count) => sum + Number(count), 0),
    text,
  };
}
