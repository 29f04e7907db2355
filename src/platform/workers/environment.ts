// The bindings of our Workers, and what of them scripts see.

import type { StoreAnswer } from "../../fs/index.ts";
import type { Mail } from "../../mail/index.ts";
import type { FetchBinding } from "../../transport/cloudflare/fetch.ts";
import type { ConnectBinding } from "../../transport/cloudflare/socket.ts";
import type { Envelope } from "./file-store.ts";
import type { EmailBinding } from "./mail.ts";
import type { MailAnswer } from "./mail-answer.ts";
import type { WorkerLoader } from "./spawn-child.ts";
import type { WrittenFilesBinding } from "./written-files.ts";

/** The stub of a pool's Durable Object. */
export type PoolStub = FetchBinding &
  ConnectBinding &
  WrittenFilesBinding & {
    /** A message of a child to the pool's files. */
    files(envelope: Envelope): Promise<StoreAnswer>;
    /** A mail of a script. */
    mail(mail: Mail): Promise<MailAnswer>;
  };

/** The pools' Durable Objects. */
export interface PoolNamespace {
  idFromName(name: string): unknown;
  get(id: unknown): PoolStub;
}

/** Bindings by name. Further ones that are texts are the environment of the scripts. */
export interface EdgeEnvironment {
  readonly POOL: PoolNamespace;
  /** Without it a pool has one child, in its own isolate. */
  readonly LOADER?: WorkerLoader;
  /** Static files. Without it there are none. */
  readonly ASSETS?: { fetch(url: string, init?: RequestInit): Promise<Response> };
  /** `tcp://host:port` of a FastCGI application elsewhere, or a service binding with a `connect` handler. */
  readonly UPSTREAM?: string | ConnectBinding;
  /** A `send_email` binding: it takes the mails of scripts. Without it mail() gives false and warns. */
  readonly MAIL?: EmailBinding;
  /** In the place of `purge.token`: who knows it may purge the caches. */
  readonly EDGE_FPM_PURGE_TOKEN?: string;
  /** Who knows it reaches the pool's files: see files-route.ts. Without it nobody does. */
  readonly EDGE_FPM_FILES_TOKEN?: string;
  /** "1": the pool tells in the log which child runs which script. */
  readonly EDGE_FPM_TRACE?: string;
  readonly [name: string]: unknown;
}

/** Names that are ours. */
const OWN = new Set([
  "POOL",
  "LOADER",
  "ASSETS",
  "UPSTREAM",
  "MAIL",
  "EDGE_FPM_TRACE",
  "EDGE_FPM_PURGE_TOKEN",
  "EDGE_FPM_FILES_TOKEN",
]);

/** Variables and secrets as PHP's environment: texts as they are, JSON variables as JSON. */
export function scriptEnvironment(env: EdgeEnvironment): Record<string, string> {
  const environment: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (OWN.has(name)) continue;
    if (typeof value === "string") environment[name] = value;
    else if (isPlain(value)) environment[name] = JSON.stringify(value);
  }
  return environment;
}

/** A JSON variable, and not a binding. */
function isPlain(value: unknown): boolean {
  if (value === null || typeof value === "number" || typeof value === "boolean" || Array.isArray(value)) return true;
  return typeof value === "object" && Object.getPrototypeOf(value) === Object.prototype;
}
