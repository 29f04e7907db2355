// A child in a page: a Web Worker that boots one interpreter and then is a FastCGI application on its own channel.

import { bootPhp } from "../../php/boot.ts";
import { PhpError } from "../../php/errors.ts";
import type { PhpGlue } from "../../php/glue.ts";
import type { PhpHost } from "../../php/host.ts";
import { fixesPathInfo } from "../../php/ini.ts";
import { Responder } from "../../php/responder.ts";
import { ApplicationLink } from "../../transport/application-link.ts";
import { messagePortTransport } from "../../transport/message-port.ts";
import {
  type ChildOrder,
  type ChildReport,
  SharedChannel,
  type WorkerChildSettings,
  type WorkerEnd,
} from "./child-messages.ts";
import { WatchedFiles } from "./watched-files.ts";

/** Loads the glue: `(url) => import(url)`, written where the bundler leaves it alone. */
export type LoadGlue = (url: string) => Promise<PhpGlue>;

/**
 * For linear memory of 20 to 160 MiB (the image of the playground). Opcache does not keep a file that changed within the
 * present second: it knows files by whole seconds, and would miss a second edit.
 */
const PLATFORM_INI = {
  memory_limit: "64M",
  post_max_size: "16M",
  upload_max_filesize: "16M",
  "opcache.memory_consumption": 16,
  "opcache.interned_strings_buffer": 4,
  "opcache.file_update_protection": 1,
  "session.save_path": "/tmp/sessions",
  sys_temp_dir: "/tmp",
  upload_tmp_dir: "/internal/uploads",
};

/** Makes a child of the Worker that it runs in. To be called before the script's first wait. */
export function serveWorkerChild(scope: WorkerEnd, loadGlue: LoadGlue): void {
  new WorkerChild(scope, loadGlue);
}

class WorkerChild {
  readonly #scope: WorkerEnd;
  readonly #loadGlue: LoadGlue;
  readonly #channel: SharedChannel<ChildOrder>;
  /** Answers awaited from the master, by id. */
  readonly #statusAnswers = new Map<number, (value: object | undefined) => void>();
  #lastStatus = 0;
  #files: WatchedFiles | undefined;
  #link: ApplicationLink | undefined;
  #stopping = false;

  constructor(scope: WorkerEnd, loadGlue: LoadGlue) {
    this.#scope = scope;
    this.#loadGlue = loadGlue;
    this.#channel = new SharedChannel(scope, (order) => this.#obey(order));
  }

  #report(report: ChildReport): void {
    this.#scope.postMessage(report, []);
  }

  /** The master ends the Worker when it reads this. */
  #fail(error: unknown): void {
    const code = error instanceof PhpError ? error.code : "PHP_TRAP";
    this.#report({ report: "failed", code, message: error instanceof Error ? error.message : String(error) });
  }

  #obey(order: ChildOrder): void {
    switch (order.order) {
      case "start":
        this.#start(order.settings).catch((error: unknown) => this.#fail(error));
        break;
      case "files":
        if (this.#files === undefined) this.#early.push(order.changes);
        else this.#files.apply(order.changes);
        break;
      case "stop":
        this.#stopping = true;
        if (this.#link === undefined) this.#report({ report: "stopped" });
        else this.#link.drain();
        break;
      case "status":
        this.#statusAnswers.get(order.id)?.(order.value);
        this.#statusAnswers.delete(order.id);
        break;
      default:
        order satisfies never;
    }
  }

  /** Changes that came while PHP started. */
  readonly #early: WorkerChildSettings["files"][] = [];

  async #start(settings: WorkerChildSettings): Promise<void> {
    const began = performance.now();
    const runtime = await this.#boot(settings);
    for (const changes of this.#early.splice(0)) this.#files?.apply(changes);
    if (this.#stopping) return;
    const link = this.#serve(runtime, settings);
    this.#link = link;
    this.#report({ report: "ready", boot: performance.now() - began, memory: runtime.memory });
    await link.closed;
  }

  async #boot(settings: WorkerChildSettings): Promise<PhpHost> {
    const { glueUrl, wasm, asyncMode, iniText, iniSettings, env, shared, files } = settings;
    return await bootPhp({
      glue: await this.#loadGlue(glueUrl),
      runtimeName: "WEB",
      asyncMode,
      wasm,
      ini: { platform: PLATFORM_INI, text: iniText, settings: iniSettings },
      // getmypid() is the same in every child: the C library knows of no processes.
      env: { CHILD_PID: String(settings.pid), ...env },
      processId: settings.pid,
      mount: (module) => {
        for (const folder of ["/tmp/sessions", "/internal/uploads"]) module.FS.mkdirTree(folder);
        this.#files = new WatchedFiles(module, shared, files);
      },
      services: { poolStatus: () => this.#askStatus() },
    });
  }

  #serve(runtime: PhpHost, { iniText, iniSettings }: WorkerChildSettings): ApplicationLink {
    const responder = new Responder(runtime, {
      fixPathInfo: fixesPathInfo({ text: iniText, settings: iniSettings }),
      announce: (values) => link.announce(values),
      onBroken: (error) => this.#fail(error),
    });
    const link = new ApplicationLink(
      messagePortTransport(this.#channel),
      async (request) => {
        try {
          const end = await responder.respond(request);
          // Before END_REQUEST: who has seen the end of an answer finds the files as the script left them.
          this.#tellFiles();
          void responder.idle().then(() => this.#tellFiles());
          return end;
        } catch (error) {
          if (runtime.usable) throw error;
          // What was sent is no whole answer, and the web server must see that.
          this.#fail(error);
          link.reset();
          throw error;
        }
      },
      {
        // The master is no stranger: it may leave the link idle for as long as it likes.
        limits: { idleTimeout: 0, receiveTimeout: 0, sendTimeout: 0 },
        connection: { roles: ["responder", "authorizer"] },
      },
    );
    void link.closed.then(async () => {
      await responder.idle();
      this.#tellFiles();
      if (runtime.usable) this.#report({ report: "stopped" });
    });
    return link;
  }

  #tellFiles(): void {
    const changes = this.#files?.take() ?? [];
    if (changes.length > 0) this.#report({ report: "files", changes });
  }

  #askStatus(): Promise<object | undefined> {
    const id = ++this.#lastStatus;
    return new Promise((resolve) => {
      this.#statusAnswers.set(id, resolve);
      this.#report({ report: "status-wanted", id });
    });
  }
}
