// What a script's output can come to, and what decides it.

import type { ExchangeEnd } from "../../transport/exchange.ts";
import type { Reply } from "../answer/reply.ts";
import { GatewayError } from "../errors.ts";
import type { Spool } from "../spool.ts";
import { carriedHeaders, type HeaderPolicy, type ResponseHead } from "./response-head.ts";

/** What a script's output came to. */
export type Outcome =
  | { readonly type: "reply"; readonly reply: Reply }
  /**
   * The script asks for another resource of this server: path and query; or `@name` of a location. `unsafe`: as
   * X-Accel-Redirect has it, where a space is a space.
   */
  | {
      readonly type: "redirect";
      readonly target: string;
      readonly unsafe: boolean;
      readonly carried: readonly [string, string][];
    }
  /** The script asks for a file, which it names as it sees it. */
  | { readonly type: "file"; readonly name: string; readonly reply: Reply }
  /** The script's own answer is not wanted (`interceptErrors`). */
  | { readonly type: "intercepted"; readonly status: number; readonly headers: [string, string][] };

export interface OutputOptions {
  readonly method: string;
  /** Longest header block of a script, in bytes. */
  readonly maxHeaderBytes: number;
  /** Body bytes held before an answer begins, and held again while the visitor does not take them. */
  readonly bufferBytes: number;
  /**
   * Milliseconds that an answer with a known head waits for its end: most scripts end at once, and a whole body costs
   * far less to send than a stream. The price is that much delay of the first byte of a slow script.
   */
  readonly holdBack: number;
  /** Off: nothing waits and nothing is spooled, each chunk goes out as it comes. The script has the last word. */
  readonly buffering: boolean;
  readonly spool?: Spool | undefined;
  /** Milliseconds and bytes, as in `BodyStreamOptions`. */
  readonly spoolAfter: number;
  readonly spoolBytes: number;
  readonly policy?: HeaderPolicy | undefined;
  /** Statuses of which the script's answer is dropped for a page of the gateway's. */
  readonly intercepted?: ((status: number) => boolean) | undefined;
  /** Text on STDERR that makes the answer an invalid one. */
  readonly catchStderr?: readonly string[] | undefined;
  /** Told the status, once the head is whole. */
  readonly head?: ((status: number) => void) | undefined;
  /** Takes one line of STDERR. */
  readonly stderr: (line: string) => void;
  /** The rest of the output is of no use: the visitor left, or the output is broken. */
  readonly abandon: (reason: unknown) => void;
  /** The answer had begun with this status, and the visitor sees a broken transfer; `error` is why. */
  readonly broken: (error: unknown, status: number) => void;
}

/** Headers of an answer that is not wanted which its visitor needs all the same. */
const KEPT = /^(?:www-authenticate|retry-after|allow)$/i;

/** The application's own answer is dropped for a page of the gateway's. */
export function interceptedOutcome({ status, headers }: Pick<Reply, "status" | "headers">): Outcome {
  return { type: "intercepted", status, headers: headers.filter(([name]) => KEPT.test(name)) };
}

/** What the visitor gets in place of the script's answer, if anything. */
export function outcomeInstead(
  { accelRedirect, sendFile, headers }: ResponseHead,
  reply: Reply,
  intercepted: OutputOptions["intercepted"],
): Outcome | undefined {
  if (accelRedirect !== undefined) {
    return { type: "redirect", target: accelRedirect, unsafe: true, carried: carriedHeaders(headers) };
  }
  if (sendFile !== undefined) return { type: "file", name: sendFile, reply };
  return intercepted?.(reply.status) === true ? interceptedOutcome(reply) : undefined;
}

/** Whoever streams events wants each of them to arrive at once. */
export function isEventStream(headers: readonly [string, string][]): boolean {
  for (const [name, value] of headers) {
    if (name.length === 12 && name.toLowerCase() === "content-type") return /^text\/event-stream\b/i.test(value);
  }
  return false;
}

/** The application ended the request as none that is complete. */
export function refused(end: ExchangeEnd): GatewayError {
  const status = end.protocolStatus === "overloaded" ? 503 : 502;
  return new GatewayError("GATEWAY_REFUSED", status, `the application ended the request as ${end.protocolStatus}`);
}
