// Speaks with a running master for a thread that sleeps meanwhile: questions about locks there, answers back.

import { createConnection } from "node:net";
import { createInterface } from "node:readline";
import { workerData } from "node:worker_threads";
import type { RemoteLocksData } from "../src/platform/node/remote-locks.ts";

const { path, port, answered } = workerData as RemoteLocksData;
const count = new Int32Array(answered);
const socket = createConnection(path);
/** Whether somebody sleeps for an answer. */
let asked = false;
let greeted = false;
let ended = false;

/** @param answer none when the master has ended */
function wake(answer: unknown): void {
  asked = false;
  if (answer !== undefined) port.postMessage(answer);
  Atomics.add(count, 0, 1);
  Atomics.notify(count, 0);
}

port.on("message", (question: unknown) => {
  asked = true;
  if (ended) wake(undefined);
  else socket.write(`${JSON.stringify(question)}\n`);
});
const lines = createInterface({ input: socket });
lines.on("line", (line) => {
  // The first one says who the master is.
  if (greeted) wake(JSON.parse(line));
  greeted = true;
});
// Both tell it, and the socket's end follows: without a listener the thread would end, and nobody be woken.
lines.on("error", () => {});
socket.on("error", () => {});
socket.once("close", () => {
  ended = true;
  if (asked) wake(undefined);
});
