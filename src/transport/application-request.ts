// One request as its handler sees it: the application's view, above the link.

import type { Pair, Role } from "../codec/index.ts";
import { InputBuffer } from "./input-buffer.ts";

/** A request whose params are complete; its input may still be coming. */
export interface ApplicationRequest {
  readonly requestId: number;
  readonly role: Role;
  readonly params: readonly Pair[];
  readonly keepConnection: boolean;
  /** STDIN, read once. A chunk is the reader's own. Throws `signal.reason` when the request is aborted. */
  readonly stdin: AsyncIterable<Uint8Array>;
  /** DATA, for the filter role, with the same rules. */
  readonly data: AsyncIterable<Uint8Array>;
  /**
   * The whole of STDIN in one piece, instead of `stdin`. Resolves with it; rejects with a `BodyTooLargeError` as soon
   * as it is longer than `limit` bytes, or with `signal.reason`.
   */
  readBody(limit: number): Promise<Uint8Array>;
  /**
   * Waits until STDIN is complete and resolves with it, or until the input buffer is full and resolves with undefined:
   * then `stdin` has all of it. Rejects with `signal.reason`.
   */
  bufferedBody(): Promise<Uint8Array | undefined>;
  /** Aborts at ABORT_REQUEST, when the link ends or breaks, and when a deadline of the link passes. */
  readonly signal: AbortSignal;
  /**
   * Sends output. A promise means that the web server reads too slowly: wait for it. Output after the end of the
   * request, or of the link, is dropped. The bytes must not be changed afterwards.
   *
   * @param more true when more output or the end follows in this turn: it may then travel in one write with it
   */
  stdout(chunk: Uint8Array, more?: boolean): void | Promise<void>;
  /** Sends error output, with the same rules. */
  stderr(chunk: Uint8Array, more?: boolean): void | Promise<void>;
}

/** What a request asks of its link. */
export interface RequestOwner {
  readonly inputBuffer: number;
  inputChanged(full: boolean): void;
  output(stream: "stdout" | "stderr", requestId: number, chunk: Uint8Array, more: boolean): void | Promise<void>;
}

/** The link's own view of a request. */
export class IncomingRequest implements ApplicationRequest {
  readonly requestId: number;
  readonly role: Role;
  readonly params: readonly Pair[];
  readonly keepConnection: boolean;
  readonly stdin: InputBuffer;
  readonly data: InputBuffer;
  readonly #owner: RequestOwner;
  readonly #abort = new AbortController();
  #open = true;
  /** When its input last made progress: `performance.now()`. */
  inputAt = 0;
  /** Some STDOUT was sent. */
  answerBegun = false;

  constructor(
    begin: { requestId: number; role: Role; params: readonly Pair[]; keepConnection: boolean },
    owner: RequestOwner,
  ) {
    this.requestId = begin.requestId;
    this.role = begin.role;
    this.params = begin.params;
    this.keepConnection = begin.keepConnection;
    this.#owner = owner;
    const changed = (full: boolean) => owner.inputChanged(full);
    this.stdin = new InputBuffer(owner.inputBuffer, changed);
    this.data = new InputBuffer(owner.inputBuffer, changed);
    const length = begin.params.find(([name]) => name === "CONTENT_LENGTH")?.[1];
    if (length !== undefined && /^\d{1,15}$/.test(length)) this.stdin.expect(Number(length));
    if (begin.role !== "filter") this.data.end();
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  get open(): boolean {
    return this.#open;
  }

  get inputComplete(): boolean {
    return this.stdin.ended && this.data.ended;
  }

  get full(): boolean {
    return this.stdin.full || this.data.full;
  }

  readBody(limit: number): Promise<Uint8Array> {
    return this.stdin.readAll(limit);
  }

  bufferedBody(): Promise<Uint8Array | undefined> {
    return this.stdin.readBuffered();
  }

  stdout(chunk: Uint8Array, more = false): void | Promise<void> {
    if (!this.#open || chunk.length === 0) return;
    this.answerBegun = true;
    return this.#owner.output("stdout", this.requestId, chunk, more);
  }

  stderr(chunk: Uint8Array, more = false): void | Promise<void> {
    if (this.#open && chunk.length > 0) return this.#owner.output("stderr", this.requestId, chunk, more);
  }

  /** The handler learns that nobody waits for its answer. Input that is complete stays readable no more. */
  abort(reason: unknown): void {
    this.stdin.fail(reason);
    this.data.fail(reason);
    this.#abort.abort(reason);
  }

  /** The request has ended: input is dropped and output too. */
  close(): void {
    this.#open = false;
    this.stdin.discard();
    this.data.discard();
  }
}
