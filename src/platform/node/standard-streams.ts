// The standard streams of this process, as a script on the command line reads and writes them: at once, waiting as a
// native program does, with no buffer in between.

import { constants, fstatSync, openSync, readSync, writeSync } from "node:fs";
import { isatty } from "node:tty";
import type { StandardStream, Terminal } from "../../php/command-line.ts";

/** How long to sleep before trying again what somebody has set to "do not wait", in milliseconds. */
const RETRY = 5;

/** Most bytes taken while only asking whether there are any. */
const PEEK = 4096;

const sleeper = new Int32Array(new SharedArrayBuffer(4));

/** Standard input, output and error of this process. */
export function processStreams(): readonly [StandardStream, StandardStream, StandardStream] {
  return [new Input(), output(1), output(2)];
}

function output(fd: number): StandardStream {
  return {
    ...terminalOf(fd),
    stat: () => statOf(fd),
    // Pipes that other programs share may be set to "do not wait"; a native program would lose output there.
    write: (bytes) => patiently(() => writeSync(fd, bytes)),
  };
}

class Input implements StandardStream {
  readonly terminal?: Terminal;
  /** Another way into the same pipe or terminal that does not wait; undefined where there is none. */
  readonly #probe: number | undefined = probeOf(0);
  /** What came while only asking. */
  #ahead = new Uint8Array();
  #ended = false;

  constructor() {
    Object.assign(this, terminalOf(0));
  }

  read = (into: Uint8Array, wait: boolean): number => {
    if (this.#ahead.length > 0) {
      const taken = this.#ahead.subarray(0, into.length);
      into.set(taken);
      this.#ahead = this.#ahead.subarray(taken.length);
      return taken.length;
    }
    if (this.#ended) return 0;
    if (!wait && this.#probe !== undefined) return readSync(this.#probe, into);
    return patiently(() => readSync(0, into, 0, into.length, null));
  };

  stat = (): object => statOf(0);

  readable = (): boolean => {
    if (this.#probe === undefined || this.#ahead.length > 0 || this.#ended) return true;
    try {
      const bytes = new Uint8Array(PEEK);
      const length = readSync(this.#probe, bytes);
      this.#ahead = bytes.subarray(0, length);
      this.#ended = length === 0;
      return true;
    } catch (error) {
      return !isBusy(error);
    }
  };
}

/** Does again what would have had to wait. */
function patiently(work: () => number): number {
  for (;;) {
    try {
      return work();
    } catch (error) {
      if (!isBusy(error)) throw error;
      Atomics.wait(sleeper, 0, 0, RETRY);
    }
  }
}

function isBusy(error: unknown): boolean {
  return (error as { readonly code?: unknown }).code === "EAGAIN";
}

/** Linux opens a pipe or a terminal a second time, with flags of its own. */
function probeOf(fd: number): number | undefined {
  if (process.platform !== "linux") return undefined;
  try {
    if (!fstatSync(fd).isFIFO() && !isatty(fd)) return undefined;
    return openSync(`/proc/self/fd/${fd}`, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch {
    return undefined;
  }
}

/**
 * To PHP's build every device is a terminal: one that is none, such as /dev/null, is told as a file. A socket, which
 * programs on Node give their children as a pipe, is told as a pipe: PHP would use the calls for sockets.
 */
function statOf(fd: number): object {
  const found = fstatSync(fd);
  const kind = found.isSocket() ? constants.S_IFIFO : found.isCharacterDevice() && !isatty(fd) ? constants.S_IFREG : 0;
  if (kind !== 0) found.mode = (found.mode & 0o7777) | kind;
  return found;
}

function terminalOf(fd: number): { readonly terminal?: Terminal } {
  if (!isatty(fd)) return {};
  const [columns, rows] = process.stdout.isTTY
    ? process.stdout.getWindowSize()
    : process.stderr.isTTY
      ? process.stderr.getWindowSize()
      : [80, 24];
  return { terminal: { rows, columns } };
}
