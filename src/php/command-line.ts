// One run of PHP on the command line, in an interpreter of its own: SAPI "cli", which is PHP's own program around the
// interpreter (php-src sapi/cli/php_cli.c). It reads the options, runs one script and ends; nothing of it can be used again.

import { type BootOptions, INI_PATH, loadPhp } from "./boot.ts";
import { Clock } from "./clock.ts";
import { PhpError } from "./errors.ts";
import type { GlueStream, PhpModule } from "./glue.ts";
import { MailDesk } from "./mail-process.ts";
import type { MailService } from "./mail-service.ts";
import { setUmask } from "./umask.ts";

/** A standard stream of the run. Bytes lie in the interpreter's memory: whoever keeps them copies them. */
export interface StandardStream {
  /** Its terminal, when it is one. */
  readonly terminal?: Terminal;
  /** Fills `into`, waiting for the first byte unless told not to. @returns bytes read; 0 at the end @throws with an `errno` */
  read?(into: Uint8Array, wait: boolean): number;
  /** @returns bytes written @throws with an `errno` */
  write?(bytes: Uint8Array): number;
  /** What it really is: scripts look whether their input is a pipe, a file or a terminal. Default: a device. */
  stat?(): object;
  /** Whether `read` would have something to say at once. Default: it always has. */
  readable?(): boolean;
}

export interface Terminal {
  readonly rows: number;
  readonly columns: number;
}

export interface CommandLineOptions extends Omit<BootOptions, "ini" | "services"> {
  /** Text of php.ini: see `buildCommandLineIni`. */
  readonly iniText: string;
  /** What follows the program's name: PHP's own options, the script and what is the script's. */
  readonly args: readonly string[];
  /** Absolute, and visible to PHP. */
  readonly cwd: string;
  /** Standard input, output and error. */
  readonly streams: readonly [StandardStream, StandardStream, StandardStream];
  /** Takes the mails of mail(). Without it mail() gives false. */
  readonly mail?: MailService;
  /** `sendmail_path` of the run, "" for PHP's own. */
  readonly sendmailPath: string;
}

// The devices of the glue: (major, minor) as it makes them. Output goes to devices of its own, since those of Emscripten
// stop at a zero byte.
const TERMINAL_DEVICE = [5, 0] as const;
const OUTPUT_DEVICE = [64, 0] as const;
const ERROR_DEVICE = [63, 0] as const;

/** Flag of a descriptor that does not wait. */
const O_NONBLOCK = 0o4000;

// poll.h.
const POLLIN = 1;
const POLLOUT = 4;

// WASI's numbers.
const ERRNO: Readonly<Record<string, number>> = { EAGAIN: 6, EBADF: 8, EINTR: 27, EIO: 29, ENOSPC: 51, EPIPE: 64 };

/** An open standard stream, in the glue's eyes. */
interface DeviceStream extends GlueStream {
  seekable?: boolean;
  tty?: object;
  stream_ops?: object;
}

/**
 * Runs PHP to its end.
 *
 * @returns its exit status
 * @throws {PhpError} `PHP_BOOT`; `PHP_TRAP` when the interpreter broke
 */
export async function runCommandLine(options: CommandLineOptions): Promise<number> {
  const module = await load(options);
  for (const arg of ["php", "-c", INI_PATH, ...options.args]) module.ccall("wasm_add_cli_arg", null, ["string"], [arg]);
  try {
    return Number(await module.ccall("run_cli", "number", [], [], { async: true }));
  } catch (error) {
    const status = exitStatus(error);
    if (status !== undefined) return status;
    const what = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    throw new PhpError("PHP_TRAP", `the interpreter broke: ${what}`, { cause: error });
  }
}

async function load(options: CommandLineOptions): Promise<PhpModule> {
  try {
    const { module, setErrno } = await loadPhp(options, new Clock(), { [INI_PATH]: options.iniText });
    if (options.umask !== undefined) setUmask(module, options.umask);
    module.FS.chdir(options.cwd);
    const desk = new MailDesk(options.mail, options.sendmailPath);
    const complain = (problem: string) => options.streams[2].write?.(new TextEncoder().encode(`PHP ${problem}\n`));
    module.spawnProcess = (command) => desk.spawn(String(command), complain, setErrno);
    connect(module, options.streams);
    return module;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new PhpError("PHP_BOOT", `the interpreter could not be started: ${reason}`, { cause: error });
  }
}

/** The program ends by a throw of the C library's exit(). */
function exitStatus(error: unknown): number | undefined {
  if (typeof error !== "object" || error === null) return undefined;
  const { name, status } = error as { readonly name?: unknown; readonly status?: unknown };
  return name === "ExitStatus" && typeof status === "number" ? status : undefined;
}

/** Puts the streams behind the glue's devices, those that are open already and those that PHP will open. */
function connect(module: PhpModule, [input, output, error]: CommandLineOptions["streams"]): void {
  const { FS } = module;
  const devices = [
    [TERMINAL_DEVICE, input],
    [OUTPUT_DEVICE, output],
    [ERROR_DEVICE, error],
  ] as const;
  devices.forEach(([[major, minor], stream], fd) => {
    const operations = operationsOf(module, stream);
    FS.registerDevice(FS.makedev(major, minor), operations);
    const open = FS.streams[fd] as DeviceStream | null | undefined;
    if (open == null) return;
    open.stream_ops = operations;
    operations.open(open);
  });
}

function operationsOf({ FS }: PhpModule, stream: StandardStream) {
  const attempt = (work: () => number): number => {
    try {
      return work();
    } catch (error) {
      const { code } = error as { readonly code?: unknown };
      throw new FS.ErrnoError(ERRNO[String(code)] ?? Number(ERRNO.EIO));
    }
  };
  const terminal = stream.terminal === undefined ? undefined : { ops: terminalOf(stream.terminal) };
  return {
    open(opened: DeviceStream) {
      opened.seekable = false;
      if (terminal === undefined) delete opened.tty;
      else opened.tty = terminal;
    },
    close() {},
    ...(stream.stat !== undefined && { getattr: stream.stat }),
    read(opened: DeviceStream, heap: Int8Array, offset: number, length: number) {
      const { read } = stream;
      if (read === undefined) throw new FS.ErrnoError(Number(ERRNO.EBADF));
      const wait = (opened.flags & O_NONBLOCK) === 0;
      return attempt(() => read(bytesOf(heap, offset, length), wait));
    },
    write(_opened: DeviceStream, heap: Int8Array, offset: number, length: number) {
      const { write } = stream;
      if (write === undefined) throw new FS.ErrnoError(Number(ERRNO.EBADF));
      return attempt(() => write(bytesOf(heap, offset, length)));
    },
    poll() {
      if (stream.write !== undefined) return POLLOUT;
      return stream.readable?.() === false ? 0 : POLLIN;
    },
  };
}

function bytesOf(heap: Int8Array, offset: number, length: number): Uint8Array {
  return new Uint8Array(heap.buffer, heap.byteOffset + offset, length);
}

/** What scripts ask of a terminal: whether there is one, and how large it is. */
function terminalOf({ rows, columns }: Terminal): object {
  return {
    // termios of a terminal in its usual mode.
    ioctl_tcgets: () => ({ c_iflag: 25856, c_oflag: 5, c_cflag: 191, c_lflag: 35387, c_cc: [3, 28, 127, 21, 4, 0, 1] }),
    ioctl_tcsets: () => 0,
    ioctl_tiocgwinsz: () => [rows, columns],
  };
}
