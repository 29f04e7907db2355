// The locks of this interpreter in the table of a running master. Whoever asks for a lock sleeps until it is answered; so
// another thread speaks with the master.

import { MessageChannel, receiveMessageOnPort, Worker } from "node:worker_threads";
import {
  type Conflict,
  createLockTable,
  FileLocks,
  type LockedFile,
  type LockRequest,
  type LockResult,
  type Locks,
} from "./file-locks.ts";
import { endless, type FoundMaster, type LockAnswer, type LockQuestion } from "./master-socket.ts";

/** What the thread is given: see `workers/remote-locks-thread.ts`. */
export interface RemoteLocksData {
  readonly path: string;
  readonly port: import("node:worker_threads").MessagePort;
  /** One number: how many answers have come. */
  readonly answered: SharedArrayBuffer;
}

export class RemoteLocks implements Locks {
  readonly #port: import("node:worker_threads").MessagePort;
  readonly #answered: Int32Array;
  /** When the master has ended there is nobody else left whom a lock could keep out. */
  #alone: FileLocks | undefined;
  #held = 0;

  constructor({ path }: FoundMaster) {
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    const answered = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
    this.#answered = new Int32Array(answered);
    const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
    const workerData: RemoteLocksData = { path, port: port2, answered };
    new Worker(new URL(`../../../workers/remote-locks-thread.${extension}`, import.meta.url), {
      name: "locks",
      workerData,
      transferList: [port2],
    }).unref();
    port1.unref();
  }

  get held(): number {
    return this.#alone?.held ?? this.#held;
  }

  set(request: LockRequest, wait: boolean | number): LockResult {
    return this.#ask({ type: "set", request, wait })?.set ?? this.#local.set(request, wait);
  }

  onlyShares({ family, device, inode }: LockedFile): boolean {
    if (this.held === 0) return false;
    const file = { family, device, inode };
    return this.#ask({ type: "onlyShares", file })?.onlyShares ?? this.#local.onlyShares(file);
  }

  conflict(request: LockRequest): Conflict | undefined {
    const { conflict } = this.#ask({ type: "conflict", request }) ?? {};
    return conflict && endless(conflict);
  }

  closed(fd: number, device: number, inode: number): void {
    if (this.held > 0 && this.#ask({ type: "closed", fd, device, inode }) === undefined) {
      this.#local.closed(fd, device, inode);
    }
  }

  releaseAll(): void {
    if (this.held > 0 && this.#ask({ type: "releaseAll" }) === undefined) this.#local.releaseAll();
  }

  get #local(): FileLocks {
    this.#alone ??= new FileLocks(createLockTable(), process.pid);
    return this.#alone;
  }

  /** @returns `undefined` when the master has ended */
  #ask(question: LockQuestion): LockAnswer | undefined {
    if (this.#alone !== undefined) return undefined;
    const before = Atomics.load(this.#answered, 0);
    this.#port.postMessage(question);
    Atomics.wait(this.#answered, 0, before);
    const answer = receiveMessageOnPort(this.#port)?.message as LockAnswer | undefined;
    if (answer !== undefined) this.#held = answer.held;
    return answer;
  }
}
