// Entry point of the server Worker.

import type { WorkerEnd } from "../../src/platform/browser/child-messages.ts";
import type { ChildWorker } from "../../src/platform/browser/spawn-worker.ts";
import type { ToPage, ToServer } from "./protocol.ts";
import { Server } from "./server/server.ts";

const scope = globalThis as unknown as WorkerEnd;
const post = (message: ToPage, transfer: Transferable[]) => scope.postMessage(message, transfer);

let server: Server | undefined;

scope.addEventListener("message", ({ data }) => {
  const message = data as ToServer;
  if (message.type === "settings") {
    server = new Server(message.settings, createWorker, post);
  } else {
    server?.take(message);
  }
});

function createWorker(name: string): ChildWorker {
  return new Worker(new URL("./child.worker.ts", import.meta.url), { type: "module", name }) as unknown as ChildWorker;
}
