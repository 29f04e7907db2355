// `edge-fpm dev`: builds an application, runs it in local workerd, and builds again when a file changes.

import { watch } from "node:fs";
import { join, relative, sep } from "node:path";
import type { Miniflare } from "miniflare";
import type { BuildReport } from "../image/build.ts";
import { DevWatchdog, type RunningScript } from "../platform/node/dev-watchdog.ts";
import { type LocalWorkersOptions, localWorkersOptions, startLocalWorkers } from "../platform/node/local-workers.ts";
import { buildFrom, buildOptions } from "./build-options.ts";
import type { Arguments, Command } from "./command.ts";
import { CliError, listenFailure, messageOf } from "./failure.ts";
import { existingDirectory } from "./pool.ts";
import { untilStopped } from "./shutdown.ts";
import { bold, cyan, dim, note, red } from "./terminal.ts";

/** Editors write a file in several steps: what belongs together comes within so many milliseconds. */
const SETTLE = 150;

/** How long a busy but moving workerd may take to answer, in milliseconds. */
const PATIENCE = 2000;

/** Without `--terminate-timeout` workerd is taken for frozen after so many seconds. */
const FROZEN_AFTER = 30;

export const dev: Command = {
  name: "dev",
  usage: "[dir] [options]",
  summary: "Run a folder of PHP as at the edge, in local workerd",
  options: {
    port: { type: "string", short: "p", value: "<n>", help: "port (8080); 0 takes any free one" },
    host: { type: "string", value: "<address>", help: "address to listen on (127.0.0.1)" },
    fastcgi: { type: "string", value: "<port>", help: "listen for FastCGI too, for an nginx in front" },
    env: {
      type: "string",
      short: "e",
      multiple: true,
      value: "<NAME=value>",
      help: "variable of the Worker, which scripts see in their environment, repeatable",
    },
    verbose: { type: "boolean", short: "v", help: "log the children's lives too" },
    ...buildOptions,
  },
  examples: [
    "edge-fpm dev                                       # this folder on http://127.0.0.1:8080",
    "edge-fpm dev . --document-root public --front /index.php --children 4",
    "edge-fpm dev wiki --terminate-timeout 10 -e GREETING=hello",
  ],
  run,
};

async function run(args: Arguments): Promise<number> {
  const root = existingDirectory(args.positionals[0] ?? ".");
  const port = args.integer("port", 0, 65_535) ?? 8080;
  const report = await buildFrom(args);
  const session = new Session(args, report.out);
  const url = await session.start(port);
  process.stdout.write(`${bold(cyan(url))}  serves ${root} with PHP ${report.php} in workerd\n`);
  note("Files are watched.");
  const rebuild = debounced(() => session.rebuild());
  const watcher = watch(root, { recursive: true }, (_event, name) => {
    if (name !== null && !isOutput(root, name, report)) rebuild();
  });
  watcher.on("error", (error) => note(`Files are not watched any more: ${messageOf(error)}`));
  const end = async () => {
    watcher.close();
    await session.stop();
  };
  return untilStopped(end, end);
}

/** The running workerd, and the build in it. */
class Session {
  readonly #args: Arguments;
  readonly #watchdog: DevWatchdog;
  readonly #options: LocalWorkersOptions;
  #port = 0;
  #miniflare: Miniflare | undefined;
  /** Starts, reloads and stops, one after another. */
  #work: Promise<unknown> = Promise.resolve();

  constructor(args: Arguments, out: string) {
    this.#args = args;
    const fastcgiPort = args.integer("fastcgi", 1, 65_535);
    this.#options = {
      out,
      host: args.text("host") ?? "127.0.0.1",
      variables: { ...Object.fromEntries(args.pairs("env")), EDGE_FPM_TRACE: "1" },
      onLog: (level, message) => this.#log(level, message),
      ...(fastcgiPort === undefined ? {} : { fastcgiPort }),
    };
    const seconds = args.integer("terminate-timeout", 0, 86_400) || FROZEN_AFTER;
    this.#watchdog = new DevWatchdog({
      timeout: seconds * 1000,
      patience: PATIENCE,
      heartbeat: (signal) => fetch(`http://127.0.0.1:${this.#port}/.edge-fpm-heartbeat`, { signal }),
      onFrozen: (scripts) => this.#frozen(scripts, seconds),
    });
  }

  /** @returns the URL */
  async start(port: number): Promise<string> {
    const { host = "127.0.0.1" } = this.#options;
    try {
      this.#miniflare = await startLocalWorkers({ ...this.#options, port });
    } catch (error) {
      this.#watchdog.stop();
      if ((error as { code?: unknown }).code === "ERR_MODULE_NOT_FOUND") {
        throw new CliError("miniflare, which runs workerd here, is not installed.", {
          hint: "Install it with: npm install --save-dev miniflare",
          cause: error,
        });
      }
      throw listenFailure(error, `http://${host}:${port}`);
    }
    const url = await this.#miniflare.ready;
    // The same one after a restart.
    this.#port = Number(url.port);
    return url.origin;
  }

  rebuild(): Promise<void> {
    return this.#inTurn(async () => {
      const before = performance.now();
      try {
        await buildFrom(this.#args, true);
        await this.#reload();
        note(dim(`Built again in ${Math.round(performance.now() - before)} ms.`));
      } catch (error) {
        note(`${bold(red("Not built:"))} ${messageOf(error)}. The build before goes on.`);
      }
    });
  }

  async stop(): Promise<void> {
    this.#watchdog.stop();
    await this.#inTurn(async () => this.#miniflare?.dispose());
  }

  #frozen(scripts: readonly RunningScript[], seconds: number): Promise<void> {
    const [longest] = scripts;
    const what = longest === undefined ? "a script" : `${longest.script} (${longest.request})`;
    note(`${bold(red("workerd stands still:"))} ${what} has run for more than ${seconds} s and lets nobody else run.`);
    note("It is ended and started again. At Cloudflare the CPU limit would end that request alone.");
    return this.#inTurn(() => this.#reload());
  }

  async #reload(): Promise<void> {
    await this.#miniflare?.setOptions(localWorkersOptions({ ...this.#options, port: this.#port }));
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#work.then(work);
    this.#work = turn.catch(() => {});
    return turn;
  }

  #log(level: string, message: string): void {
    if (this.#watchdog.read(message)) return;
    if (level === "error" || level === "warn" || this.#args.flag("verbose")) note(message);
  }
}

/** What a build writes must not start the next one. */
function isOutput(root: string, name: string, { out }: BuildReport): boolean {
  const inside = relative(out, join(root, name));
  return inside === "" || !inside.startsWith("..") || name.split(sep)[0] === ".git";
}

function debounced(run: () => unknown): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(run, SETTLE);
  };
}
