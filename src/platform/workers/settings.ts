// What the build tells the Workers, and what they tell a child.

import type { CronJob } from "../../cron/index.ts";
import type { PoolConfigInput } from "../../fpm/config.ts";
import type { StoreLimits } from "../../fs/index.ts";
import type { Mail, MailLimits } from "../../mail/index.ts";
import type { FetchBinding } from "../../transport/cloudflare/fetch.ts";
import type { ConnectBinding } from "../../transport/cloudflare/socket.ts";
import type { MailAnswer } from "./mail-answer.ts";

/** Made by the build, once for a deployment. Paths are as PHP sees them. */
export interface EdgeSettings {
  /** Where the application's files are mounted, such as "/app". */
  readonly mount: string;
  /** The folder below it that visitors reach, such as "/app/public". */
  readonly documentRoot: string;
  /** Runs for every path that does not exist, such as "/index.php". */
  readonly frontController?: string;
  /** Files that answer for their folder. */
  readonly index?: readonly string[];
  /**
   * Static files by their path below the document root ("/css/a.css"): bytes, and milliseconds since 1970. Other files
   * that are no scripts are refused. Without it all files of the archive are static files too.
   */
  readonly assets?: Readonly<Record<string, readonly [size: number, modified: number]>>;
  /** A configuration as `toPlain` makes it, in place of `frontController` and `index`; its roots are as PHP sees them. */
  readonly config?: unknown;
  readonly pool: PoolConfigInput;
  /** Limits of the pool's files in the place of the defaults. */
  readonly files?: Partial<StoreLimits>;
  /** The schedule. */
  readonly cron?: readonly CronJob[];
  readonly mail?: MailRules;
  /** Key of the snapshot beside the code. Absent: there is none. */
  readonly snapshot?: string;
  /** Changes with every build: children of an earlier one are not used again. */
  readonly version: string;
}

/** What holds for the mails of scripts. */
export interface MailRules {
  /** Sender where a script names none. */
  readonly from?: string;
  readonly limits?: Partial<MailLimits>;
}

/** What a child is started with, as the `env` of its Worker. */
export interface ChildSettings {
  readonly pool: string;
  /** 0-based. */
  readonly slot: number;
  readonly mount: string;
  /** `pm.max_requests`. */
  readonly maxRequests: number;
  /** Key of the snapshot to start from. */
  readonly snapshot?: string;
  /** Environment of the scripts. */
  readonly environment: Readonly<Record<string, string>>;
  /** Absent: nobody takes mails. */
  readonly mail?: MailRules;
}

/** What a child reaches its pool's object by. */
export interface PoolBinding extends FetchBinding, ConnectBinding {
  /** Answers with the data of `fpm_get_status()`. */
  fetch: FetchBinding["fetch"];
  /** Opens a socket for messages to the pool's files. */
  connect: ConnectBinding["connect"];
  /** Takes a mail of a script. */
  mail(mail: Mail): Promise<MailAnswer>;
}

/** The `env` of a child's Worker. */
export interface ChildEnvironment {
  readonly settings: ChildSettings;
  /** The pool's object. */
  readonly status: PoolBinding;
}

/** Most children of one pool: a Durable Object may have 10 Dynamic Workers in use at a time. */
export const MOST_CHILDREN = 10;

/** Names a child in the log and to the pool's files. */
export const childName = (pool: string, slot: number): string => `pool ${pool}, child ${slot}`;
