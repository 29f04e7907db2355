// A child in a page: a Web Worker that boots one interpreter and then is a FastCGI application on its own channel.

import { FileError, type StoreAnswer } from "../../fs/index.ts";
import { type Mail, MailError } from "../../mail/index.ts";
import { bootPhp } from "../../php/boot.ts";
import { DurableFiles } from "../../php/durable/durable-files.ts";
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
  type FileEnvelope,
  SharedChannel,
  type WorkerChildSettings,
  type WorkerEnd,
} from "./child-messages.ts";
import { NETWORK_INI, PageNetwork } from "./network/page-network.ts";

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
  "opcache.memory_consumption": 24,
  "opcache.interned_strings_buffer": 6,
  "opcache.file_update_protection": 1,
  "session.save_path": "/tmp/sessions",
  sys_temp_dir: "/tmp",
  upload_tmp_dir: "/internal/uploads",
  ...NETWORK_INI,
};

/** Sender of mails whose script names none: nobody gets them. */
const MAIL_FROM = "php@localhost";

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
  /** Mails whose outcome the master still owes, by id. */
  readonly #mails = new Map<number, (problem: string | undefined) => void>();
  #lastMail = 0;
  /** Answers awaited from the file store, by number of the message. */
  readonly #fileAnswers = new Map<number, (answer: StoreAnswer) => void>();
  #lastMessage = 0;
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
      case "file-answer":
        this.#fileAnswers.get(order.id)?.(order.answer);
        this.#fileAnswers.delete(order.id);
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
      case "mail":
        this.#mails.get(order.id)?.(order.problem);
        this.#mails.delete(order.id);
        break;
      default:
        order satisfies never;
    }
  }

  async #start(settings: WorkerChildSettings): Promise<void> {
    const began = performance.now();
    // With rewritten code PHP cannot wait where a file is opened or locked.
    const waits = settings.asyncMode === "jspi";
    const files = new DurableFiles({
      roots: settings.shared,
      application: "",
      ...(waits ? {} : { cacheBytes: Infinity }),
    });
    const runtime = await this.#boot(settings, files, waits);
    if (this.#stopping) return;
    await files.attach((envelope) => this.#askFiles(envelope), String(settings.pid));
    const link = this.#serve(runtime, settings, files, waits);
    this.#link = link;
    this.#report({ report: "ready", boot: performance.now() - began, memory: runtime.memory });
    await link.closed;
  }

  async #boot(settings: WorkerChildSettings, files: DurableFiles, waits: boolean): Promise<PhpHost> {
    const { glueUrl, wasm, asyncMode, iniText, iniSettings, env, mail } = settings;
    // Rewritten code cannot wait where a connection is made or a name is looked up.
    const network = waits && settings.network ? new PageNetwork() : undefined;
    return await bootPhp({
      glue: await this.#loadGlue(glueUrl),
      runtimeName: "WEB",
      asyncMode,
      wasm,
      ini: { platform: PLATFORM_INI, text: iniText, settings: iniSettings },
      // getmypid() is the same in every child: the C library knows of no processes.
      env: { CHILD_PID: String(settings.pid), ...env },
      processId: settings.pid,
      ...(network && { WebSocketClass: network.WebSocketClass, resolve: network.resolve }),
      ...(waits && {
        imports: (imports, module) => {
          // Within what the files make of it, which may wait.
          network?.install(imports, module);
          files.install(imports, module);
        },
      }),
      mount: (module) => {
        module.FS.mkdirTree("/internal/uploads");
        network?.attach(module);
        files.prepare(module);
      },
      services: {
        poolStatus: () => this.#askStatus(),
        ...(mail && { mail: { send: (one: Mail) => this.#send(one), from: MAIL_FROM } }),
      },
    });
  }

  #serve(
    runtime: PhpHost,
    { iniText, iniSettings }: WorkerChildSettings,
    files: DurableFiles,
    waits: boolean,
  ): ApplicationLink {
    const responder = new Responder(runtime, {
      fixPathInfo: fixesPathInfo({ text: iniText, settings: iniSettings }),
      announce: (values) => link.announce(values),
      onBroken: (error) => this.#fail(error),
    });
    const link = new ApplicationLink(
      messagePortTransport(this.#channel),
      async (request) => {
        try {
          await files.begin(undefined);
          if (!waits) await files.loadAll();
          const end = await responder.respond(request);
          // Before END_REQUEST: who has seen the end of an answer finds the files as the script left them.
          await files.settle();
          // After `fastcgi_finish_request` the script goes on.
          void responder
            .idle()
            .then(() => files.rest())
            .catch((error: unknown) => this.#fail(error));
          return end;
        } catch (error) {
          if (runtime.usable && !(error instanceof FileError)) throw error;
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
      await files.settle().catch((error: unknown) => this.#fail(error));
      if (runtime.usable) this.#report({ report: "stopped" });
    });
    return link;
  }

  #askFiles(envelope: FileEnvelope): Promise<StoreAnswer> {
    const id = ++this.#lastMessage;
    return new Promise((resolve) => {
      this.#fileAnswers.set(id, resolve);
      this.#report({ report: "file-message", id, envelope });
    });
  }

  async #send(mail: Mail): Promise<void> {
    const id = ++this.#lastMail;
    const problem = await new Promise<string | undefined>((resolve) => {
      this.#mails.set(id, resolve);
      this.#report({ report: "mail", id, mail });
    });
    if (problem !== undefined) throw new MailError("MAIL_REFUSED", problem);
  }

  #askStatus(): Promise<object | undefined> {
    const id = ++this.#lastStatus;
    return new Promise((resolve) => {
      this.#statusAnswers.set(id, resolve);
      this.#report({ report: "status-wanted", id });
    });
  }
}
