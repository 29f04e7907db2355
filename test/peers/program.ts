// One program started for a test: its output kept, its end awaited, stopped by process id.

import { type ChildProcess, spawn } from "node:child_process";
import { connect } from "node:net";

export interface ProgramOptions {
  readonly cwd?: string;
  /** Added to this process's environment; `undefined` removes a name. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** Most output kept of one program, in characters; the oldest goes first. */
const OUTPUT_KEPT = 256 * 1024;

/** How long a program may take to get ready, in milliseconds. An interpreter of 25 MB is compiled on a busy machine. */
const READY_WITHIN = 45_000;

/** How long a program may take to stop before it is killed, in milliseconds. */
const STOP_WITHIN = 10_000;

const started = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of started) child.kill("SIGKILL");
});

export class Program {
  readonly name: string;
  /** Settles when the program is gone. Never rejects. */
  readonly exited: Promise<Exit>;
  readonly #child: ChildProcess;
  #output = "";
  #exit: Exit | undefined;
  readonly #listeners = new Set<() => void>();

  constructor(command: string, args: readonly string[], options: ProgramOptions = {}) {
    this.name = command.slice(command.lastIndexOf("/") + 1);
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child = child;
    started.add(child);
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8");
      stream.on("data", (text: string) => {
        this.#output = (this.#output + text).slice(-OUTPUT_KEPT);
        this.#tell();
      });
    }
    this.exited = new Promise((resolve) => {
      const end = (exit: Exit): void => {
        this.#exit = exit;
        child.stdout.destroy();
        child.stderr.destroy();
        started.delete(child);
        resolve(exit);
        this.#tell();
      };
      child.once("error", (error) => {
        this.#output += `${error.message}\n`;
        end({ code: null, signal: null });
      });
      child.once("exit", (code, signal) => {
        // The last output comes before `close`, which a grandchild that keeps the pipe can hold back for ever.
        const timer = setTimeout(() => end({ code, signal }), 200);
        child.once("close", () => {
          clearTimeout(timer);
          end({ code, signal });
        });
      });
    });
  }

  /** Process id; 0 when the program could not be started. */
  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** How it ended, or `undefined` while it runs. */
  get exit(): Exit | undefined {
    return this.#exit;
  }

  /** Standard output and error as they came, mixed. */
  output(): string {
    return this.#output;
  }

  /**
   * Waits until the output matches.
   *
   * @throws {Error} with the output, when the program ends first or the time is up
   */
  waitFor(pattern: RegExp, milliseconds = READY_WITHIN): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      const finish = (settle: () => void): void => {
        clearTimeout(timer);
        this.#listeners.delete(look);
        settle();
      };
      const look = (): void => {
        const match = pattern.exec(this.#output);
        if (match !== null) finish(() => resolve(match));
        else if (this.#exit !== undefined) finish(() => reject(this.problem("ended early")));
      };
      const timer = setTimeout(() => finish(() => reject(this.problem(`did not print ${pattern}`))), milliseconds);
      this.#listeners.add(look);
      look();
    });
  }

  /** Waits until something accepts connections at `to`. */
  async waitForSocket(to: { port: number } | { path: string }, milliseconds = READY_WITHIN): Promise<void> {
    const end = Date.now() + milliseconds;
    while (!(await accepts(to))) {
      if (this.#exit !== undefined) throw this.problem("ended early");
      if (Date.now() > end) throw this.problem(`does not listen at ${JSON.stringify(to)}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    // The port may be another program's: one that lost it ends within a moment.
    if (this.#exit !== undefined) throw this.problem("ended early");
  }

  /** An error about this program that shows what it said. `details` goes in front of the output. */
  problem(what: string, details = ""): Error {
    return new Error(`${this.name} ${what}\n${details}${this.#output}`);
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Ends the program with `signal`, or SIGKILL when that takes too long. Safe to call twice. */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<Exit> {
    if (this.#exit === undefined) this.signal(signal);
    const timer = setTimeout(() => this.signal("SIGKILL"), STOP_WITHIN);
    const exit = await this.exited;
    clearTimeout(timer);
    return exit;
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}

function accepts(to: { port: number } | { path: string }): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect("port" in to ? { port: to.port, host: "127.0.0.1" } : to);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
