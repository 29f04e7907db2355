// STDOUT of a request, held back while its handler still reads the request's body.
//
// nginx stops sending a request's body as soon as it has seen the head of the answer. A handler that answers while it
// reads, such as an echo, would wait for a rest that never comes.

import type { ApplicationRequest } from "../transport/application-request.ts";
import type { Input } from "./input.ts";

/** Output of one request. */
export class HeldOutput {
  readonly #request: ApplicationRequest;
  readonly #input: Input | undefined;
  readonly #limit: number;
  #held: Uint8Array[] = [];
  #length = 0;
  #begun = false;

  /** @param limit bytes that are held; more is sent, for other web servers take it */
  constructor(request: ApplicationRequest, input: Input | undefined, limit: number) {
    this.#request = request;
    this.#input = input;
    this.#limit = limit;
    void input?.over.then(() => this.flush());
  }

  get signal(): AbortSignal {
    return this.#request.signal;
  }

  /** Some output was sent: what fails later must not look complete. */
  get begun(): boolean {
    return this.#begun;
  }

  /** Waits until it can be told whether the answer's body reads the request's: one turn, or the first piece. */
  async settled(first: Promise<unknown>): Promise<void> {
    if (this.#input === undefined) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const turn = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, 0);
    });
    await Promise.race([first, turn]);
    clearTimeout(timer);
  }

  /** A promise means that the web server reads too slowly: wait for it. */
  write(chunk: Uint8Array): void | Promise<void> {
    if (this.#input?.reading === true && this.#length + chunk.length <= this.#limit) {
      this.#held.push(chunk);
      this.#length += chunk.length;
      return;
    }
    this.flush();
    return this.#send(chunk);
  }

  /** Sends what is held. */
  flush(): void {
    for (const chunk of this.#held.splice(0)) void this.#send(chunk);
    this.#length = 0;
  }

  /** Forgets what is held: something else is the answer. */
  drop(): void {
    this.#held = [];
    this.#length = 0;
  }

  #send(chunk: Uint8Array): void | Promise<void> {
    this.#begun = true;
    // It may travel in one write with what follows in this turn, the end included.
    return this.#request.stdout(chunk, true);
  }
}
