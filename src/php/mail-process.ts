// mail() of a script: PHP starts "sendmail" and writes the mail to it. This is that sendmail: no program, but a hook of the
// platform. PHP's own checks, mb_send_mail() and libraries that call sendmail themselves work as they are.

import { composeMail, MAIL_LIMITS, MailError, readSendmailCommand, type SendmailCall } from "../mail/index.ts";
import type { MailService } from "./mail-service.ts";
import { EventSource, type ProcessLike, refuseProcess } from "./processes.ts";

/** Exit statuses of sendmail (sysexits.h). Not EX_TEMPFAIL: PHP takes that one for success. */
const EX_OK = 0;
const EX_UNAVAILABLE = 69;

/** "Permission denied" in the numbers of WASI, which Emscripten uses: what mail() looks for when sendmail was started. */
const EACCES = 2;

/** `sendmail_path` where nobody takes mails: PHP's own warning shows it, and it says what to do. */
export const SENDMAIL_NOT_CONFIGURED =
  "/usr/sbin/sendmail -t -i # nobody takes mails here: set mail in the configuration, --smtp or the binding MAIL";

/** The mails of one interpreter. */
export class MailDesk {
  readonly #service: MailService | undefined;
  readonly #programs: readonly string[];
  #ofRequest = 0;

  /** @param sendmailPath of php.ini: whatever program it names is this one */
  constructor(service: MailService | undefined, sendmailPath: string) {
    this.#service = service;
    const [program = ""] = sendmailPath.trim().split(/\s/);
    this.#programs = program === "" ? [] : [program];
  }

  /** Another request begins: its mails are counted anew. */
  begin(): void {
    this.#ofRequest = 0;
  }

  /**
   * exec(), popen() and proc_open(): there is one program, sendmail.
   *
   * @param onProblem told why a mail was not sent
   * @param setErrno sets the C library's error number
   */
  spawn(command: string, onProblem: (message: string) => void, setErrno?: (errno: number) => void): ProcessLike {
    const call = readSendmailCommand(command, this.#programs);
    if (call === undefined) return refuseProcess(command);
    if (this.#service !== undefined) return this.#take(this.#service, call, onProblem);
    const refused = refuseProcess(command);
    setErrno?.(EACCES);
    return refused;
  }

  #take(service: MailService, call: SendmailCall, onProblem: (message: string) => void): ProcessLike {
    const limits = { ...MAIL_LIMITS, ...service.limits };
    this.#ofRequest += 1;
    const number = this.#ofRequest;
    // One more than allowed makes it too long. Of a mail that is one too many nothing needs to be kept.
    const most = number > limits.perRequest ? 0 : limits.size + 1;
    return new MailProcess(most, async (bytes) => {
      try {
        if (number > limits.perRequest) {
          throw new MailError("MAIL_LIMIT", `a request sends at most ${limits.perRequest} mails`);
        }
        const { from } = service;
        const options = { limits, now: Date.now(), id: crypto.randomUUID(), ...(from === undefined ? {} : { from }) };
        await service.send(composeMail(call, bytes, options));
        return EX_OK;
      } catch (error) {
        const code = (error as { code?: unknown }).code;
        const message = error instanceof Error ? error.message : String(error);
        onProblem(`mail(): not sent: ${message}${typeof code === "string" ? ` [${code}]` : ""}`);
        return EX_UNAVAILABLE;
      }
    });
  }
}

/** Bytes of the first piece of memory for a mail: most fit it. */
const FIRST_ROOM = 16 * 1024;

/** What is written, up to a bound. The memory grows with it, in one piece: many small writes take no more than their bytes. */
class Written {
  readonly #most: number;
  #room: Uint8Array = new Uint8Array();
  #length = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** Copies what fits; the rest is dropped. */
  add(bytes: Uint8Array): void {
    const kept = bytes.subarray(0, this.#most - this.#length);
    const needed = this.#length + kept.length;
    if (needed > this.#room.length) {
      const larger = new Uint8Array(Math.min(this.#most, Math.max(needed, 2 * this.#room.length, FIRST_ROOM)));
      larger.set(this.#room.subarray(0, this.#length));
      this.#room = larger;
    }
    this.#room.set(kept, this.#length);
    this.#length = needed;
  }

  /** All of it, which is not kept any longer. */
  take(): Uint8Array {
    const all = this.#room.subarray(0, this.#length);
    this.#room = new Uint8Array();
    this.#length = 0;
    return all;
  }
}

/** A child process that reads a mail and ends with the outcome. */
class MailProcess extends EventSource implements ProcessLike {
  static #lastPid = 500_000;
  readonly pid: number = ++MailProcess.#lastPid;
  readonly stdout: EventSource = new EventSource();
  readonly stderr: EventSource = new EventSource();
  readonly stdin: ProcessLike["stdin"];
  exitCode: number | null = null;
  killed = false;

  /** @param most bytes that are kept; the others are dropped */
  constructor(most: number, deliver: (bytes: Uint8Array) => Promise<number>) {
    super();
    const written = new Written(most);
    let ended = false;
    this.stdin = Object.assign(new EventSource(), {
      // The bytes lie in the interpreter's memory, and are gone after this call.
      write: (bytes: Uint8Array) => {
        if (!ended) written.add(bytes);
        return true;
      },
      end: () => {
        if (ended) return;
        ended = true;
        void deliver(written.take()).then((status) => this.#exit(status));
      },
      destroy: () => {},
    });
    // The glue adds its listeners right after the spawn, in the same turn or in the next microtasks.
    setTimeout(() => this.emit("spawn"));
  }

  #exit(status: number): void {
    this.exitCode = status;
    this.stdout.emit("end");
    this.emit("exit", status);
    this.emit("close", status);
  }

  kill(): boolean {
    this.killed = true;
    return true;
  }
}
