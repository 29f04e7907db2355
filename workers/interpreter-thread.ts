// A thread for children on Node: it runs one at a time, and the next one in the same instance of PHP when there is a
// snapshot to begin anew from.

import { parentPort } from "node:worker_threads";
import { PhpError } from "../src/php/errors.ts";
import { FileLocks } from "../src/platform/node/file-locks.ts";
import { type NodeInterpreter, prepareInterpreter, startInterpreter } from "../src/platform/node/interpreter.ts";
import { failure, ThreadChild, uncaught } from "../src/platform/node/thread-child.ts";
import type { Preparation, ThreadOrder, ThreadReport, ThreadSettings } from "../src/platform/node/thread-messages.ts";
import { warmUp } from "../src/platform/node/warm-up.ts";

let instance: NodeInterpreter | undefined;
/** Key of the snapshot that the instance can go back to. */
let key: string | undefined;
/** The directory that its pool shares: instances of another one are of no use. */
let sharedDirectory: string | undefined;
let preparing: Promise<void> | undefined;
let child: ThreadChild | undefined;

function report(message: ThreadReport): void {
  parentPort?.postMessage(message);
}

/** The master makes lines of its log of it. */
function complain(text: string): void {
  process.stderr.write(text);
}

process.on("uncaughtException", (error: unknown) => {
  report(uncaught(error));
  process.exit(1);
});

parentPort?.on("message", (order: ThreadOrder) => {
  switch (order.type) {
    case "prepare":
      // The child that is to live in it would meet the same reason, and tell it.
      preparing = prepare(order.preparation).catch(() => {});
      return;
    case "start":
      run(order.settings).catch((error: unknown) => {
        report(failure(error));
        // Ends this thread only.
        process.exit(1);
      });
      return;
    default:
      child?.order(order);
  }
});

async function prepare(preparation: Preparation): Promise<void> {
  const { interpreter, mail } = preparation;
  // Nobody sends before there is a child, which has services of its own.
  const services = mail === undefined ? {} : { mail: { ...mail, send: async () => {} } };
  instance = await prepareInterpreter(interpreter, services);
  key = preparation.key;
  sharedDirectory = interpreter.sharedDirectory;
}

async function run(settings: ThreadSettings): Promise<void> {
  child = new ThreadChild(settings, report);
  let present = await begin(settings, child);
  if (settings.warmUp !== undefined) {
    const made = await warmUp(present, settings.warmUp, settings.responder, settings.interpreter.root);
    key = made.snapshot?.key;
    report({ type: "snapshot", made });
    if (!present.host.usable) {
      const { locks, processId } = settings.interpreter;
      if ("entries" in locks) FileLocks.releaseDead(locks, processId);
      present = await startInterpreter(settings.interpreter, child.services);
      instance = present;
    }
  }
  const end = await child.serve(present.host);
  child = undefined;
  if (key !== undefined && present.restorable) report({ type: "over" });
  else process.exit(end === "stopped" ? 0 : 1);
}

async function begin(settings: ThreadSettings, { services }: ThreadChild): Promise<NodeInterpreter> {
  await preparing;
  const { interpreter, snapshot } = settings;
  const fits = snapshot?.key === key && interpreter.sharedDirectory === sharedDirectory;
  if (instance !== undefined && snapshot !== undefined && fits) {
    try {
      await instance.restore(snapshot, interpreter, services);
      return instance;
    } catch (error) {
      if (!(error instanceof PhpError) || error.code !== "PHP_SNAPSHOT") throw error;
      // It is told below, and PHP starts by itself.
    }
  }
  instance = await startInterpreter(interpreter, services, snapshot, complain);
  key = snapshot?.key;
  sharedDirectory = interpreter.sharedDirectory;
  return instance;
}
