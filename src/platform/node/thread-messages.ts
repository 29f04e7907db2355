// What master and thread say to each other beside the requests themselves.

import type { MessagePort } from "node:worker_threads";
import type { ResponderOptions } from "../../php/responder.ts";
import type { InterpreterSettings } from "./interpreter.ts";

/** `workerData` of an interpreter thread. */
export interface ThreadSettings {
  readonly interpreter: InterpreterSettings;
  readonly responder: Pick<ResponderOptions, "extensions" | "fixPathInfo" | "maxBodyLength">;
  /** Carries FastCGI: the thread is the application. */
  readonly port: MessagePort;
}

/** From the thread. */
export type ThreadReport =
  | { readonly type: "ready" }
  /** It cannot start, or the interpreter broke; the thread ends after it. */
  | { readonly type: "failed"; readonly code: string; readonly message: string }
  /** `fpm_get_status()` asks for the pool's data. */
  | { readonly type: "status-wanted"; readonly id: number };

/** To the thread. */
export type ThreadOrder =
  /** Finish what runs and end. */
  { readonly type: "stop" } | { readonly type: "status"; readonly id: number; readonly value: object | undefined };
