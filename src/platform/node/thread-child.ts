// One child, in its thread: a FastCGI application on its port, for as long as its interpreter lives.

import type { Pair } from "../../codec/index.ts";
import { type Mail, MailError, type MailErrorCode } from "../../mail/index.ts";
import { PhpError } from "../../php/errors.ts";
import type { PhpHost, PhpServices } from "../../php/host.ts";
import { Responder } from "../../php/responder.ts";
import { ApplicationLink } from "../../transport/application-link.ts";
import { messagePortTransport } from "../../transport/message-port.ts";
import { SynchronousPort } from "./synchronous-port.ts";
import type { MailProblem, ThreadOrder, ThreadReport, ThreadSettings } from "./thread-messages.ts";

/** What a thread is told about a child that it runs. */
export type ChildOrder = Exclude<ThreadOrder, { readonly type: "start" | "prepare" }>;

/** How the child ended. */
export type ChildEnd = "stopped" | "broken";

export class ThreadChild {
  /** What its scripts can ask of the master. */
  readonly services: PhpServices;
  readonly #settings: ThreadSettings;
  readonly #report: (message: ThreadReport) => void;
  /** Answers awaited from the master, by id. */
  readonly #statusAnswers = new Map<number, (value: object | undefined) => void>();
  /** Mails whose outcome the master still owes, by id. */
  readonly #mails = new Map<number, (problem: MailProblem | undefined) => void>();
  /** Orders that came before there was anything to stop. */
  #early: ChildOrder[] = [];
  #lastId = 0;
  #host: PhpHost | undefined;
  #link: ApplicationLink | undefined;

  constructor(settings: ThreadSettings, report: (message: ThreadReport) => void) {
    this.#settings = settings;
    this.#report = report;
    const { mail } = settings;
    this.services = {
      poolStatus: () => this.#askStatus(),
      ...(mail && { mail: { ...mail, send: (sent) => this.#sendMail(sent) } }),
    };
  }

  /** Serves until the child is asked to stop, or its interpreter breaks. */
  async serve(host: PhpHost): Promise<ChildEnd> {
    this.#host = host;
    const { clock } = host.options;
    if (clock !== undefined) {
      clock.onEveryLook = () => {
        if (Atomics.load(this.#settings.traceWanted, 0) !== 0) this.#trace();
      };
    }
    const port = new SynchronousPort(this.#settings.port);
    const broken = Promise.withResolvers<ChildEnd>();
    const fail = (error: unknown) => {
      this.#report(failure(error));
      broken.resolve("broken");
    };
    const responder = new Responder(host, {
      ...this.#settings.responder,
      announce: (values: readonly Pair[]) => link.announce(values),
      afterOutput: () => port.catchUp(),
      onBroken: fail,
    });
    const link = new ApplicationLink(
      messagePortTransport(port),
      async (request) => {
        try {
          return await responder.respond(request);
        } catch (error) {
          if (!host.usable) {
            // What was sent is no whole answer, and the web server must see that.
            link.reset();
            fail(error);
          }
          throw error;
        }
      },
      {
        // The master is no stranger: it may leave the link idle for as long as it likes.
        limits: { idleTimeout: 0, receiveTimeout: 0, sendTimeout: 0 },
        connection: { roles: ["responder", "authorizer"] },
      },
    );
    this.#link = link;
    this.#report({ type: "ready" });
    for (const order of this.#early.splice(0)) this.order(order);
    const stopped = link.closed.then(() => responder.idle()).then((): ChildEnd => (host.usable ? "stopped" : "broken"));
    const end = await Promise.race([stopped, broken.promise]);
    port.close();
    return end;
  }

  order(order: ChildOrder): void {
    switch (order.type) {
      case "stop":
        if (this.#link === undefined) this.#early.push(order);
        else this.#link.drain();
        return;
      case "trace":
        this.#trace();
        return;
      case "mail":
        this.#mails.get(order.id)?.(order.problem);
        this.#mails.delete(order.id);
        return;
      case "status":
        this.#statusAnswers.get(order.id)?.(order.value);
        this.#statusAnswers.delete(order.id);
    }
  }

  /** Answers the master's wish for a backtrace: between two messages, or in a script that looks at the clock. */
  #trace(): void {
    const id = Atomics.exchange(this.#settings.traceWanted, 0, 0);
    if (id !== 0) this.#report({ type: "trace", id, backtrace: this.#host?.backtrace() });
  }

  #askStatus(): Promise<object | undefined> {
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve) => {
      this.#statusAnswers.set(id, resolve);
      this.#report({ type: "status-wanted", id });
    });
  }

  async #sendMail(mail: Mail): Promise<void> {
    this.#lastId += 1;
    const id = this.#lastId;
    const problem = await new Promise<MailProblem | undefined>((resolve) => {
      this.#mails.set(id, resolve);
      this.#report({ type: "mail", id, mail });
    });
    if (problem !== undefined) throw new MailError((problem.code ?? "MAIL_REFUSED") as MailErrorCode, problem.message);
  }
}

/** The report of an end that nobody asked for. */
export function failure(error: unknown): ThreadReport {
  const code = error instanceof PhpError ? error.code : "PHP_TRAP";
  return { type: "failed", code, message: error instanceof Error ? error.message : String(error) };
}

/** The report of what nobody caught: of C's exceptions, which have neither name nor message and cannot be sent, too. */
export function uncaught(error: unknown): ThreadReport {
  const { name, message, stack } = Object(error) as Partial<Error>;
  const what = name === undefined ? String(error) : `${name}: ${message}`;
  const where = /^ +(at .+)$/m.exec(String(stack))?.[1];
  return {
    type: "failed",
    code: "PHP_TRAP",
    message: `uncaught in its thread: ${what}${where === undefined ? "" : ` ${where}`}`,
  };
}
