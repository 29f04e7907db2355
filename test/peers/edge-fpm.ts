// Our own command as a program of its own, as a user starts it.

import { fileURLToPath } from "node:url";
import { addressPlain, addressUrl, type FastCgiAddress, parseAddress } from "./address.ts";
import { Program } from "./program.ts";

const COMMAND = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));

export interface EdgeFpmOptions {
  /** PHP version, for example "8.2". */
  readonly php?: string;
  readonly children?: number;
  /** php.ini settings, by name. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Show PHP the application's folder only, not the whole machine. Default: false. */
  readonly isolated?: boolean;
  /** Arguments added at the end. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export interface RunningCommand {
  readonly program: Program;
  log(): string;
  /** Stops it as Ctrl-C does, or with another signal. Safe to call twice. */
  stop(signal?: NodeJS.Signals): Promise<void>;
}

export interface EdgeServe extends RunningCommand {
  readonly baseUrl: string;
}

export interface EdgeFpm extends RunningCommand {
  readonly address: FastCgiAddress;
}

/** Runs `edge-fpm` with any arguments; for tests of the command line itself. */
export function runEdgeFpm(args: readonly string[], env: Readonly<Record<string, string>> = {}): Program {
  return new Program(process.execPath, [COMMAND, ...args], { env });
}

function running(program: Program): RunningCommand {
  return {
    program,
    log: () => program.output(),
    stop: async (signal = "SIGINT") => {
      await program.stop(signal);
    },
  };
}

function poolArguments(root: string, options: EdgeFpmOptions): string[] {
  const mount = options.isolated === true ? ["--mount", root] : [];
  const settings = Object.entries(options.settings ?? {}).flatMap(([name, value]) => ["-d", `${name}=${value}`]);
  return [
    "--php",
    options.php ?? "8.2",
    "--children",
    String(options.children ?? 2),
    ...settings,
    ...mount,
    ...(options.args ?? []),
  ];
}

async function started(program: Program, pattern: RegExp): Promise<string> {
  try {
    const match = await program.waitFor(pattern);
    return match[1] ?? "";
  } catch (error) {
    await program.stop("SIGKILL");
    throw error;
  }
}

/** `edge-fpm serve <root>`: HTTP in front of its own pool, or of `upstream`. */
export async function startServe(
  root: string,
  options: EdgeFpmOptions & { readonly upstream?: FastCgiAddress } = {},
): Promise<EdgeServe> {
  const application =
    options.upstream === undefined
      ? poolArguments(root, options)
      : ["--upstream", addressUrl(options.upstream), ...(options.args ?? [])];
  const program = runEdgeFpm(["serve", root, "--port", "0", "--host", "127.0.0.1", ...application], options.env);
  const baseUrl = await started(program, /(http:\/\/127\.0\.0\.1:\d+)/);
  return { ...running(program), baseUrl };
}

/** `edge-fpm fpm`: FastCGI in front of its own pool. A TCP address with port 0 takes a free one. */
export async function startFpm(root: string, listen: FastCgiAddress, options: EdgeFpmOptions = {}): Promise<EdgeFpm> {
  const program = runEdgeFpm(
    ["fpm", "--listen", addressPlain(listen), "--root", root, ...poolArguments(root, options)],
    options.env,
  );
  const address = parseAddress(await started(program, /(tcp:\/\/127\.0\.0\.1:\d+|unix:\/\S+)/));
  return { ...running(program), address };
}
