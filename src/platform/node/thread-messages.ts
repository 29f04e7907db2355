// What master and thread say to each other beside the requests themselves.

import type { MessagePort } from "node:worker_threads";
import type { Pair } from "../../codec/index.ts";
import type { Backtrace } from "../../fpm/slowlog.ts";
import type { Mail } from "../../mail/index.ts";
import type { MailService } from "../../php/mail-service.ts";
import type { ResponderOptions } from "../../php/responder-options.ts";
import type { Snapshot } from "../../php/snapshot/portable.ts";
import type { InterpreterSettings } from "./interpreter.ts";

/** What a child is made of. */
export interface ThreadSettings {
  readonly interpreter: InterpreterSettings;
  readonly responder: Pick<ResponderOptions, "extensions" | "fixPathInfo" | "maxBodyLength">;
  /** Carries FastCGI: the thread is the application. */
  readonly port: MessagePort;
  /** Not 0: the master asks for a backtrace, with that id. Seen in the middle of a script, where no message is. */
  readonly traceWanted: Int32Array;
  /** Whether the master takes mails, and what holds for them. */
  readonly mail?: Omit<MailService, "send">;
  /** Go on from this one. */
  readonly snapshot?: Snapshot;
  /** Be the first: run these, and give a snapshot to the master before anything else. */
  readonly warmUp?: WarmUpPlan;
}

/** What is run before a snapshot is taken, with no visitor's data anywhere. */
export interface WarmUpPlan {
  readonly key: string;
  /** CGI params of each request. */
  readonly requests: readonly (readonly Pair[])[];
}

/** From the thread. */
export type ThreadReport =
  | { readonly type: "ready" }
  /** It cannot start, or the interpreter broke. The thread ends after it, or says `over`. */
  | { readonly type: "failed"; readonly code: string; readonly message: string }
  /** The child has ended and the thread could run another one, of the same snapshot. */
  | { readonly type: "over" }
  /** The warm-up is done. `glue`: what the engine compiled of the glue. */
  | { readonly type: "snapshot"; readonly made: MadeSnapshot }
  /** `fpm_get_status()` asks for the pool's data. */
  | { readonly type: "status-wanted"; readonly id: number }
  /** A script sends a mail. */
  | { readonly type: "mail"; readonly id: number; readonly mail: Mail }
  /** What runs, as asked for; no backtrace when nothing does. */
  | { readonly type: "trace"; readonly id: number; readonly backtrace: Backtrace | undefined };

/** What became of a warm-up. */
export interface MadeSnapshot {
  /** Absent when none could be taken: `problems` says why. */
  readonly snapshot?: Snapshot;
  readonly glue?: Uint8Array;
  /** Lines for the log. */
  readonly problems: readonly string[];
  readonly milliseconds: number;
}

/** What an instance is made of before there is a child for it. */
export type Preparation = Pick<ThreadSettings, "interpreter" | "mail"> & {
  /** Of the snapshot that it will be given. */
  readonly key: string;
};

/** To the thread. */
export type ThreadOrder =
  /** Have an instance ready for a child that starts from a snapshot. At most once, before the first child. */
  | { readonly type: "prepare"; readonly preparation: Preparation }
  /** Be a child. Once, or again after `over`. */
  | { readonly type: "start"; readonly settings: ThreadSettings }
  /** Finish what runs and end. */
  | { readonly type: "stop" }
  /** Look whether a backtrace is wanted: the script may be waiting, and nobody else look. */
  | { readonly type: "trace" }
  | { readonly type: "status"; readonly id: number; readonly value: object | undefined }
  /** What became of a mail: nothing but the id when it was accepted. */
  | { readonly type: "mail"; readonly id: number; readonly problem?: MailProblem };

/** Why a mail was not accepted. */
export interface MailProblem {
  readonly code?: string;
  readonly message: string;
}
