// A child on Node: a worker thread that boots one interpreter and then is a FastCGI application on its port.

import { parentPort, workerData } from "node:worker_threads";
import { type Mail, MailError, type MailErrorCode } from "../src/mail/index.ts";
import { PhpError } from "../src/php/errors.ts";
import { Responder } from "../src/php/responder.ts";
import { bootInterpreter } from "../src/platform/node/interpreter.ts";
import { SynchronousPort } from "../src/platform/node/synchronous-port.ts";
import type { MailProblem, ThreadOrder, ThreadReport, ThreadSettings } from "../src/platform/node/thread-messages.ts";
import { ApplicationLink } from "../src/transport/application-link.ts";
import { messagePortTransport } from "../src/transport/message-port.ts";

const settings = workerData as ThreadSettings;
const port = new SynchronousPort(settings.port);

/** Answers awaited from the master, by id. */
const statusAnswers = new Map<number, (value: object | undefined) => void>();
let lastStatusId = 0;

function report(message: ThreadReport): void {
  parentPort?.postMessage(message);
}

function askStatus(): Promise<object | undefined> {
  const id = ++lastStatusId;
  return new Promise((resolve) => {
    statusAnswers.set(id, resolve);
    report({ type: "status-wanted", id });
  });
}

/** Mails whose outcome the master still owes, by id. */
const mails = new Map<number, (problem: MailProblem | undefined) => void>();
let lastMailId = 0;

async function sendMail(mail: Mail): Promise<void> {
  const id = ++lastMailId;
  const problem = await new Promise<MailProblem | undefined>((resolve) => {
    mails.set(id, resolve);
    report({ type: "mail", id, mail });
  });
  if (problem !== undefined) throw new MailError((problem.code ?? "MAIL_REFUSED") as MailErrorCode, problem.message);
}

function fail(error: unknown): never {
  const code = error instanceof PhpError ? error.code : "PHP_TRAP";
  report({ type: "failed", code, message: error instanceof Error ? error.message : String(error) });
  // Ends this thread only: an interpreter that broke is never used again.
  process.exit(1);
}

const services = { poolStatus: askStatus, ...(settings.mail && { mail: { ...settings.mail, send: sendMail } }) };
const runtime = await bootInterpreter(settings.interpreter, services).catch(fail);

/** Answers the master's wish for a backtrace: between two messages, or in the middle of a script that looks at the clock. */
function trace(): void {
  const id = Atomics.exchange(settings.traceWanted, 0, 0);
  if (id !== 0) report({ type: "trace", id, backtrace: runtime.backtrace() });
}

const { clock } = runtime.options;
if (clock !== undefined) {
  clock.onEveryLook = () => {
    if (Atomics.load(settings.traceWanted, 0) !== 0) trace();
  };
}

const responder = new Responder(runtime, {
  ...settings.responder,
  announce: (values) => link.announce(values),
  afterOutput: () => port.catchUp(),
  onBroken: (error) => fail(error),
});

const link = new ApplicationLink(
  messagePortTransport(port),
  async (request) => {
    try {
      return await responder.respond(request);
    } catch (error) {
      if (runtime.usable) throw error;
      // What was sent is no whole answer, and the web server must see that.
      link.reset();
      return fail(error);
    }
  },
  {
    // The master is no stranger: it may leave the link idle for as long as it likes.
    limits: { idleTimeout: 0, receiveTimeout: 0, sendTimeout: 0 },
    connection: { roles: ["responder", "authorizer"] },
  },
);

parentPort?.on("message", (order: ThreadOrder) => {
  if (order.type === "stop") link.drain();
  else if (order.type === "trace") trace();
  else if (order.type === "mail") {
    mails.get(order.id)?.(order.problem);
    mails.delete(order.id);
  } else {
    statusAnswers.get(order.id)?.(order.value);
    statusAnswers.delete(order.id);
  }
});

report({ type: "ready" });
await link.closed;
await responder.idle();
process.exit(0);
