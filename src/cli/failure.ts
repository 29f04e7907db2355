// Failures as the person at the terminal should read them: one line of what is wrong, one of what to do.

export class CliError extends Error {
  override readonly name = "CliError";
  /** 2: the command line is wrong; 1: anything else. */
  readonly exitCode: number;
  /** What to do about it. */
  readonly hint: string | undefined;

  constructor(message: string, options: { exitCode?: number; hint?: string; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.exitCode = options.exitCode ?? 1;
    this.hint = options.hint;
  }
}

/** The `code` of an error, ours or Node's. */
export function codeOf(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Words for the ways in which listening on `address` fails. */
export function listenFailure(error: unknown, address: string): CliError {
  switch (codeOf(error)) {
    case "EADDRINUSE":
      return new CliError(`${address} is taken by another program.`, {
        hint: "Stop that program, or choose another address; port 0 takes any free one.",
        cause: error,
      });
    case "EACCES":
      return new CliError(`Not allowed to listen on ${address}.`, {
        hint: "Ports below 1024 need root; for a socket, check the rights of its folder.",
        cause: error,
      });
    case "EADDRNOTAVAIL":
      return new CliError(`${address} is not an address of this machine.`, { cause: error });
    case "ENOENT":
      return new CliError(`The folder of ${address} does not exist.`, { cause: error });
    case "EEXIST":
      return new CliError(`${address} names a file that is no socket.`, {
        hint: "It is left alone: delete it, or choose another path.",
        cause: error,
      });
    default:
      return new CliError(`Cannot listen on ${address}: ${messageOf(error)}`, { cause: error });
  }
}
