// What master and thread say to each other beside the requests themselves.

import type { MessagePort } from "node:worker_threads";
import type { Backtrace } from "../../fpm/slowlog.ts";
import type { Mail } from "../../mail/index.ts";
import type { MailService } from "../../php/mail-process.ts";
import type { ResponderOptions } from "../../php/responder-options.ts";
import type { InterpreterSettings } from "./interpreter.ts";

/** `workerData` of an interpreter thread. */
export interface ThreadSettings {
  readonly interpreter: InterpreterSettings;
  readonly responder: Pick<ResponderOptions, "extensions" | "fixPathInfo" | "maxBodyLength">;
  /** Carries FastCGI: the thread is the application. */
  readonly port: MessagePort;
  /** Not 0: the master asks for a backtrace, with that id. Seen in the middle of a script, where no message is. */
  readonly traceWanted: Int32Array;
  /** Whether the master takes mails, and what holds for them. */
  readonly mail?: Omit<MailService, "send">;
}

/** From the thread. */
export type ThreadReport =
  | { readonly type: "ready" }
  /** It cannot start, or the interpreter broke; the thread ends after it. */
  | { readonly type: "failed"; readonly code: string; readonly message: string }
  /** `fpm_get_status()` asks for the pool's data. */
  | { readonly type: "status-wanted"; readonly id: number }
  /** A script sends a mail. */
  | { readonly type: "mail"; readonly id: number; readonly mail: Mail }
  /** What runs, as asked for; no backtrace when nothing does. */
  | { readonly type: "trace"; readonly id: number; readonly backtrace: Backtrace | undefined };

/** To the thread. */
export type ThreadOrder =
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
