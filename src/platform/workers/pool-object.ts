// The master of one pool, as a Durable Object: FastCGI connections in front, children behind. One object a pool name.

import { DurableObject, type DurableObjectState, WorkerEntrypoint } from "cloudflare:workers";
import { holdStderr } from "../../dispatch/held-stderr.ts";
import { serveConnection } from "../../dispatch/listener.ts";
import { poolExchange } from "../../dispatch/pool-exchange.ts";
import { Pool as ChildPool, type LogRecord, poolConfig, statusArray } from "../../fpm/index.ts";
import { requestLine } from "../../fpm/request.ts";
import type { BaseFiles, StoreAnswer } from "../../fs/index.ts";
import type { Mail } from "../../mail/index.ts";
import type { ApplicationLink, ApplicationLinkLimits } from "../../transport/application-link.ts";
import { answerFetch } from "../../transport/cloudflare/fetch.ts";
import { socketTransport, splice, untilClosed } from "../../transport/cloudflare/socket.ts";
import type { Exchange } from "../../transport/exchange.ts";
import type { StreamSocket } from "../../transport/streams-socket.ts";
import type { Transport } from "../../transport/transport.ts";
import type { BuildChanges } from "./built-files.ts";
import type { WorkerWire } from "./child-wire.ts";
import type { EdgeEnvironment } from "./environment.ts";
import { type Envelope, type FoundFile, PoolFiles, type WrittenFile } from "./file-store.ts";
import type { ObjectStorage } from "./file-store-home.ts";
import { answerFilesRequest, isFilesRequest } from "./files-requests.ts";
import { answerFiles, FILES_ADDRESS } from "./files-wire.ts";
import { sendByBinding } from "./mail.ts";
import type { MailAnswer } from "./mail-answer.ts";
import { plainResult } from "./rpc-result.ts";
import { type AlarmStorage, PoolSchedule } from "./schedule.ts";
import { childName, type EdgeSettings, MOST_CHILDREN } from "./settings.ts";
import { createWorkerSpawn, type OpenChild } from "./spawn-child.ts";
import type { WrittenFilesBinding } from "./written-files.ts";

/** What the object is made of, apart from its bindings. */
export interface PoolParts {
  readonly settings: EdgeSettings;
  /** The application's files. */
  readonly base: BaseFiles;
  /** How children are reached; and how many there can be. */
  readonly children: (
    env: EdgeEnvironment,
    status: PoolStatusSource,
  ) => { readonly open: OpenChild; readonly most: number };
}

/** As much of a Durable Object's state as is used. */
export interface PoolObjectState {
  /** The Worker's own entry points, as bindings that can be handed on. */
  readonly exports: Readonly<Record<string, (options: { readonly props: unknown }) => unknown>>;
  readonly id: { readonly name?: string };
  readonly storage: ObjectStorage & AlarmStorage;
}

/** A pool's Durable Object: both ways in. */
export interface PoolObject extends WrittenFilesBinding {
  connect(socket: StreamSocket): Promise<void>;
  fetch(request: Request): Promise<Response>;
  /** A mail of a child's script. */
  mail(mail: Mail): Promise<MailAnswer>;
  /** A time of the schedule has come. */
  alarm(): Promise<void>;
}

/** The class of the objects, as the platform sees it. */
export type PoolConstructor = new (ctx: PoolObjectState, env: EdgeEnvironment) => PoolObject;

/** The class of the entry points for children, as the platform sees it. */
export type PoolStatusConstructor = new (
  ctx: { readonly props: { readonly pool: string } },
  env: EdgeEnvironment,
) => {
  fetch(): Promise<Response>;
  connect(socket: StreamSocket): Promise<void>;
  mail(mail: Mail): Promise<MailAnswer>;
};

/** How children learn the pool's status: in the same isolate, and from another one. */
export interface PoolStatusSource {
  here(): object;
  binding(): unknown;
  files(envelope: Envelope): Promise<StoreAnswer>;
  mail(mail: Mail): Promise<MailAnswer>;
}

/** How long a job's script may go on after its run was given up, in milliseconds. */
const ABANDONED_JOB = 1000;

/** Makes the class that the Worker exports. */
export function poolClass(parts: PoolParts): PoolConstructor {
  return class extends DurableObject<EdgeEnvironment> implements PoolObject {
    readonly #pool: ChildPool<WorkerWire>;
    readonly #exchange: Exchange;
    /** Scripts that go on behind their answers. */
    #behind = 0;
    readonly #files: PoolFiles;
    readonly #schedule: PoolSchedule | undefined;

    constructor(ctx: PoolObjectState, env: EdgeEnvironment) {
      super(ctx as unknown as DurableObjectState, env);
      const { files: limits = {} } = parts.settings;
      const { open, most } = parts.children(env, {
        here: () => statusArray(this.#pool.status()),
        files: (envelope) => this.#files.handle(envelope),
        mail: (mail) => this.mail(mail),
        binding: () => ctx.exports.PoolStatus?.({ props: { pool: this.#pool.config.name } }),
      });
      // Ondemand: a pool without requests has no children, no timers and no open streams, so that the platform can
      // put the object away.
      const config = poolConfig({ pm: "ondemand", name: ctx.id.name ?? "www", ...parts.settings.pool });
      const maxChildren = Math.min(config.maxChildren, most, MOST_CHILDREN);
      this.#files = new PoolFiles(ctx.storage, { base: parts.base, limits, alone: maxChildren === 1 });
      const started = (pid: number, start: string) =>
        writeLog("notice", `[pool ${config.name}] child ${pid}: ${start}`);
      this.#pool = new ChildPool(
        poolConfig({ ...parts.settings.pool, pm: config.pm, name: config.name, maxChildren }),
        createWorkerSpawn(open, {
          onStart: started,
          filesState: ({ pool, slot }) => this.#files.service.beginOf(childName(pool, slot)),
          onIdle: ({ pool, slot }) => this.#files.service.restOf(childName(pool, slot)),
          onExit: ({ pool, slot }) => this.#files.service.endOf(childName(pool, slot)),
        }),
        {
          log: ({ level, message }) => writeLog(level, message),
        },
      );
      const onBehind = (over: Promise<void>) => {
        this.#behind += 1;
        void over.then(() => {
          this.#behind -= 1;
        });
      };
      this.#exchange = poolExchange(env.EDGE_FPM_TRACE === "1" ? traced(this.#pool) : this.#pool, { onBehind });
      this.#pool.start().catch((error: unknown) => writeLog("error", String(error)));
      const { cron: jobs = [] } = parts.settings;
      if (jobs.length === 0) return;
      this.#schedule = new PoolSchedule(ctx.storage, {
        jobs,
        exchange: poolExchange(this.#pool, { limits: { abandoned: ABANDONED_JOB }, untilOver: true }),
        software: "edge-fpm",
        log: ({ level, message }) => writeLog(level, message),
      });
      this.#schedule
        .wake()
        .catch((error: unknown) => writeLog("error", `[cron] no alarm could be set: ${String(error)}`));
    }

    /** A time of the schedule has come. Of a deployment without one, an alarm of an earlier one is nothing. */
    async alarm(): Promise<void> {
      await this.#schedule?.alarm();
    }

    /** A mail of a child's script. */
    mail(mail: Mail): Promise<MailAnswer> {
      return sendByBinding(this.env.MAIL, mail);
    }

    /** FastCGI over a socket, for as long as the web server keeps it; or a child's messages to the files. */
    async connect(socket: StreamSocket): Promise<void> {
      const { localAddress } = (await socket.opened) as { readonly localAddress?: string };
      if (localAddress === FILES_ADDRESS) {
        await answerFiles(socket, (envelope) => this.#files.handle(envelope));
        return;
      }
      await untilClosed(socket, this.#serve(socketTransport(socket), this.#exchange).closed);
    }

    /** FastCGI over the two bodies of a fetch; an operator's request about the files; or the pool's status. */
    async fetch(request: Request): Promise<Response> {
      if (isFilesRequest(request)) return answerFilesRequest(this.#files, request);
      if (request.method !== "POST") {
        if (new URL(request.url).pathname === "/cron") return Response.json(this.#schedule?.status() ?? []);
        return Response.json(statusArray(this.#pool.status()));
      }
      // What a script that goes on will change is not known yet.
      const note = () => (this.#behind === 0 ? this.#files.buildTag() : undefined);
      const { transport, response } = await answerFetch(request, note);
      // Our own gateway: its deadlines are the gateway's, and a fetch that is given up ends by itself.
      this.#serve(transport, holdStderr(this.#exchange), { idleTimeout: 0, receiveTimeout: 0, sendTimeout: 0 });
      return response;
    }

    /** For the gateway: what is there that scripts may have written. */
    findFile(path: string): Promise<FoundFile | undefined> {
      return Promise.resolve(this.#files.find(path));
    }

    /** For the gateway: which files of the build are not what they were. */
    buildChanges(tag: string | undefined): Promise<BuildChanges | undefined> {
      return Promise.resolve(this.#files.buildChanges(tag));
    }

    async readFile(file: WrittenFile, start: number, length: number): Promise<Uint8Array> {
      return this.#files.read(file, start, length);
    }

    #serve(transport: Transport, exchange: Exchange, limits: Partial<ApplicationLinkLimits> = {}): ApplicationLink {
      return serveConnection(transport, exchange, {
        limits,
        onError: (error) => writeLog("notice", `[pool ${this.#pool.config.name}] ${String(error)}`),
      });
    }
  };
}

/** Tells in the log which child runs which script, for a watchdog outside: see platform/node/dev-watchdog.ts. */
function traced(pool: ChildPool<WorkerWire>): Parameters<typeof poolExchange>[0] {
  const tell = (trace: object) => console.log(`edge-fpm-trace ${JSON.stringify(trace)}`);
  return {
    kill: (pid) => pool.kill(pid),
    async acquire(request, signal) {
      const lease = await pool.acquire(request, signal);
      const { pid } = lease.child;
      tell({ type: "begin", pid, script: request.script, request: requestLine(request) });
      void lease.ended.then(() => tell({ type: "end", pid }));
      return {
        wire: lease.wire,
        child: lease.child,
        ended: lease.ended,
        stage: (stage) => lease.stage(stage),
        release(outcome) {
          tell({ type: "end", pid });
          lease.release(outcome);
        },
      };
    },
  };
}

function writeLog(level: LogRecord["level"], message: string): void {
  if (level === "debug") return;
  if (level === "notice") console.log(message);
  else if (level === "warning") console.warn(message);
  else console.error(message);
}

/** An entry point for children, which cannot be given the Durable Object itself: passes on to it. */
export const PoolStatus: PoolStatusConstructor = class extends WorkerEntrypoint<
  EdgeEnvironment,
  { readonly pool: string }
> {
  fetch(): Promise<Response> {
    const { POOL } = this.env;
    return POOL.get(POOL.idFromName(this.ctx.props.pool)).fetch("http://pool/status");
  }

  /** Messages to the files. */
  connect(socket: StreamSocket): Promise<void> {
    const { POOL } = this.env;
    return splice(socket, POOL.get(POOL.idFromName(this.ctx.props.pool)).connect(FILES_ADDRESS));
  }

  mail(mail: Mail): Promise<MailAnswer> {
    const { POOL } = this.env;
    return plainResult(POOL.get(POOL.idFromName(this.ctx.props.pool)).mail(mail));
  }
};
