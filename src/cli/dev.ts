// `edge-fpm dev`: builds an application, runs it in local workerd, and builds again when a file changes.

import { rmSync, watch } from "node:fs";
import { join, relative, resolve, sep } from "node:path";
import type { Miniflare } from "miniflare";
import { DevWatchdog, type RunningScript } from "../platform/node/dev-watchdog.ts";
import { type LocalWorkersOptions, localWorkersOptions, startLocalWorkers } from "../platform/node/local-workers.ts";
import { buildFrom, buildOptions } from "./build-options.ts";
import type { Arguments, Command } from "./command.ts";
import { CliError, listenFailure, messageOf } from "./failure.ts";
import { existingDirectory } from "./pool.ts";
import { untilStopped } from "./shutdown.ts";
import { isOwnOutput } from "./standard-output.ts";
import { claimState, newToken, ownerOf } from "./state-owner.ts";
import { bold, cyan, dim, note, red } from "./terminal.ts";

/** Editors write a file in several steps: what belongs together comes within so many milliseconds. */
const SETTLE = 150;

/** How long a busy but moving workerd may take to answer, in milliseconds. */
const PATIENCE = 2000;

/** Without `--terminate-timeout` workerd is taken for frozen after so many seconds. */
const FROZEN_AFTER = 30;

/** How long scripts may take to end before workerd is started again with a new build, in milliseconds. */
const END_OF_SCRIPTS = 5000;

/** Where pools' files are kept, in a build's output folder. */
export const STATE_FOLDER = "state";

/** What workerd makes in such a folder: the pools' objects, and the gateway's cache, which a new start begins without. */
const OBJECTS = "do";
const CACHE = "cache";

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
    persist: { type: "string", value: "<dir>", help: `where what scripts write is kept (<out>/${STATE_FOLDER})` },
    "no-persist": { type: "boolean", help: "what scripts write is gone at the end" },
    reset: { type: "boolean", help: "begin with the files as they are built" },
    verbose: { type: "boolean", short: "v", help: "log the children's lives too" },
    ...buildOptions,
  },
  examples: [
    "edge-fpm dev                                       # this folder on http://127.0.0.1:8080",
    "edge-fpm dev . --document-root public --front /index.php --children 4",
    "edge-fpm dev wiki --terminate-timeout 10 -e GREETING=hello",
    "edge-fpm dev --reset                               # forget what scripts wrote",
  ],
  notes: ["What scripts write is kept for the next start; `edge-fpm fs` shows it, saves it and brings it back."],
  run,
};

async function run(args: Arguments): Promise<number> {
  const root = existingDirectory(args.positionals[0] ?? ".");
  const port = args.integer("port", 0, 65_535) ?? 8080;
  const given = args.text("persist");
  const keep = given === undefined ? undefined : resolve(given);
  const ignored = keep === undefined ? [] : ignoring(root, keep);
  const report = await buildFrom(args, false, ignored, false);
  const persist = stateFolder(args, keep ?? join(report.out, STATE_FOLDER));
  const session = new Session(args, report.out, persist, ignored);
  const url = await session.start(port);
  process.stdout.write(`${bold(cyan(url))}  serves ${root} with PHP ${report.php} in workerd\n`);
  note("Files are watched.");
  const rebuild = debounced(() => session.rebuild());
  const watcher = watch(root, { recursive: true }, (_event, name) => {
    if (name === null || isOutput(root, name, [report.out, ...(persist === undefined ? [] : [persist])])) return;
    // `edge-fpm dev > dev.log`: each build is told of there, and must not start the next one.
    if (!isOwnOutput(join(root, name))) rebuild();
  });
  const told = new Set<string>();
  watcher.on("error", (error) => {
    // Of one file, such as a link to itself: told again at every look at its folder. All others are watched.
    const { path } = error as NodeJS.ErrnoException;
    const line = path === undefined ? messageOf(error) : `${relative(root, path)} is not watched: ${messageOf(error)}`;
    if (told.has(line)) return;
    told.add(line);
    note(line);
  });
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
  readonly #ignored: readonly string[];
  readonly #token = newToken();
  #port = 0;
  #miniflare: Miniflare | undefined;
  #release: (() => void) | undefined;
  /** Starts, reloads and stops, one after another. */
  #work: Promise<unknown> = Promise.resolve();

  constructor(args: Arguments, out: string, persist: string | undefined, ignored: readonly string[]) {
    this.#args = args;
    this.#ignored = ignored;
    const fastcgiPort = args.integer("fastcgi", 1, 65_535);
    this.#options = {
      out,
      host: args.text("host") ?? "127.0.0.1",
      variables: { ...Object.fromEntries(args.pairs("env")), EDGE_FPM_TRACE: "1", EDGE_FPM_FILES_TOKEN: this.#token },
      ...(persist === undefined ? {} : { persist }),
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
    const { host = "127.0.0.1", persist } = this.#options;
    const claim = (url: string) => {
      if (persist === undefined) return;
      this.#release?.();
      this.#release = claimState(persist, { url, token: this.#token });
    };
    claim("");
    try {
      this.#miniflare = await startLocalWorkers({ ...this.#options, port });
    } catch (error) {
      this.#watchdog.stop();
      this.#release?.();
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
    claim(url.origin);
    this.#trigger();
    return url.origin;
  }

  rebuild(): Promise<void> {
    return this.#inTurn(async () => {
      const before = performance.now();
      try {
        await buildFrom(this.#args, true, this.#ignored, false);
        // workerd does not outlive it, nor would a script that runs.
        await this.#watchdog.quiet(END_OF_SCRIPTS);
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
    this.#release?.();
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
    this.#trigger();
  }

  /** What the platform's cron trigger does: the schedule runs though nobody has come. */
  #trigger(): void {
    const triggered = this.#miniflare?.getWorker().then((worker) => worker.scheduled());
    // A Worker that fails here fails at a request too, and is told of there.
    triggered?.catch(() => {});
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

/** What a build and scripts write must not start the next build. */
function isOutput(root: string, name: string, folders: readonly string[]): boolean {
  const path = join(root, name);
  return name.split(sep)[0] === ".git" || folders.some((folder) => !relative(folder, path).startsWith(".."));
}

/** The folder that keeps the files; `undefined`: nothing is kept. */
function stateFolder(args: Arguments, folder: string): string | undefined {
  if (args.flag("no-persist")) return undefined;
  const owner = ownerOf(folder);
  if (owner !== undefined) {
    note(`${bold("Note:")} process ${owner.pid} has ${folder} open: what scripts write here is gone at the end.`);
    return undefined;
  }
  // Only what is known to be ours: somebody may have named a folder with other things in it.
  for (const name of args.flag("reset") ? [CACHE, OBJECTS] : [CACHE]) {
    rmSync(join(folder, name), { recursive: true, force: true });
  }
  return folder;
}

/** Rules that keep the folder out of the build, when it lies in the application. */
function ignoring(root: string, folder: string): readonly string[] {
  const inside = relative(root, folder);
  if (inside === "") throw new CliError("--persist names the application itself.", { exitCode: 2 });
  return inside.startsWith("..") ? [] : [`/${inside.split(sep).join("/")}/`];
}

function debounced(run: () => unknown): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(run, SETTLE);
  };
}
