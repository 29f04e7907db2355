// Children, a store, and everything that can go wrong between them at every step: messages and answers that get lost,
// children that die, a store that is put away, a disk that is full. Each run ends with a check of what is promised.

import {
  type ChildMessage,
  type FileOperation,
  FileService,
  PIECE_BYTES,
  ROOT,
  type StoreAnswer,
} from "../../src/fs/index.ts";
import { NodeStorage, sqlHome } from "./sqlite.ts";

/** What goes wrong with one message. */
export type Fault =
  | "none"
  /** It does not arrive; the child sends it again. */
  | "request-lost"
  /** It is done, the answer does not arrive; the child sends it again. */
  | "answer-lost"
  | "child-dies-before"
  | "child-dies-after"
  /** The object is put away and starts anew. */
  | "restart-before"
  | "restart-after"
  /** This write to the disk, counted from 1 within the message, fails. */
  | { readonly diskFullAt: number };

export const FAULTS: readonly Fault[] = [
  "request-lost",
  "answer-lost",
  "child-dies-before",
  "child-dies-after",
  "restart-before",
  "restart-after",
];

/** What became of a change, as far as its child can know. */
type Fate = "acknowledged" | "failed" | "unknown";

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (data: Uint8Array) => new TextDecoder().decode(data);

/** The jobs of a child, in turn. Each has a token, written to the log in the same batch as everything else it does. */
const JOBS = ["append", "count", "large", "replace", "remove"] as const;
type Job = (typeof JOBS)[number];

/** Sizes of what is staged: more than one piece. */
const LARGE = PIECE_BYTES + 3000;
const LOG = "log";
const COUNTER = "counter";

export class World {
  readonly storage = new NodeStorage();
  service: FileService;
  readonly children: SimulatedChild[];
  readonly fates = new Map<string, { job: Job; fate: Fate }>();
  /** Writes since the present message began. */
  #writes = 0;
  #failAt: number | undefined;
  now = 1000;
  /** Messages that were sent, whatever became of them. */
  sent = 0;
  /** Most writes of one message. */
  mostWrites = 0;

  constructor(count: number) {
    this.service = this.#open();
    this.storage.onStatement = (query) => {
      if (/^\s*SELECT/.test(query)) return;
      this.#writes += 1;
      this.mostWrites = Math.max(this.mostWrites, this.#writes);
      if (this.#writes === this.#failAt) throw new Error("database or disk is full");
    };
    this.children = Array.from({ length: count }, (_, at) => new SimulatedChild(this, `c${at}`));
  }

  restart(): void {
    this.service = this.#open();
    for (const child of this.children) child.storeRestarted();
  }

  /** One turn of a child, with a fault. */
  turn(index: number, fault: Fault): void {
    const child = this.children[index % this.children.length];
    if (child === undefined || !child.ready) return;
    this.now += 10;
    this.sent += 1;
    if (fault === "child-dies-before") {
      child.die();
      return;
    }
    if (fault === "restart-before") this.restart();
    const message = child.next();
    if (fault === "request-lost") return;
    let arrives = fault !== "answer-lost" && fault !== "child-dies-after" && fault !== "restart-after";
    this.#writes = 0;
    this.#failAt = typeof fault === "object" ? fault.diskFullAt : undefined;
    const { life } = child;
    const service = this.service;
    const ticket = child.sentOnce();
    service.receive(life, message, this.now, (answer) => {
      if (arrives && this.service === service) child.receive(answer, ticket);
    });
    this.#failAt = undefined;
    if (fault === "answer-lost") child.lost();
    arrives = true;
    if (fault === "child-dies-after") child.die();
    if (fault === "restart-after") this.restart();
  }

  /** Lets everybody finish what it has begun, without further faults. */
  settle(): void {
    for (let round = 0; round < 200; round++) {
      this.now += 1000;
      this.service.expire(this.now);
      const busy = this.children.filter((child) => !child.idle);
      if (busy.length === 0) return;
      for (const child of busy) this.turn(this.children.indexOf(child), "none");
    }
    throw new Error("the children never come to an end");
  }

  /** @returns what is not as promised */
  problems(): string[] {
    this.settle();
    const found: string[] = [];
    for (const child of this.children) found.push(...child.viewProblems());
    for (const child of this.children) this.service.end(child.life);
    const { store, locks } = this.service;
    if (locks.held > 0 || locks.waiting > 0) found.push(`${locks.held} locks are held, ${locks.waiting} waited for`);
    const live = allNodes(this.service);
    const contents = new Map<string, string>();
    let size = 0;
    for (const node of store.list(ROOT)) {
      contents.set(node.name, text(store.read(node.ino, 0, node.size)));
      size += node.size;
    }
    if (store.bytes !== size) found.push(`${store.bytes} bytes are used for ${size} bytes of files`);
    const rows = [this.storage.count("fs_piece"), this.storage.count("fs_chunk")];
    if (rows[0] !== rows[1]) found.push(`${rows[0]} pieces and ${rows[1]} chunks`);
    const reopened = new FileService(sqlHome(this.storage), { time: this.now });
    if (allNodes(reopened) !== live) found.push("a restart shows other files");
    for (const node of reopened.store.list(ROOT)) {
      if (text(reopened.store.read(node.ino, 0, node.size)) !== contents.get(node.name))
        found.push(`${node.name} differs`);
    }
    found.push(...this.#fateProblems(contents));
    return found;
  }

  #fateProblems(contents: ReadonlyMap<string, string>): string[] {
    const found: string[] = [];
    const logged = (contents.get(LOG) ?? "").split(";").filter((token) => token !== "");
    const counted = (contents.get(COUNTER) ?? "").split(";").filter((token) => token !== "");
    for (const [token, { job, fate }] of this.fates) {
      const times = (job === "count" ? counted : logged).filter((other) => other === token).length;
      if (fate === "acknowledged" && times !== 1)
        found.push(`${token} (${job}) was acknowledged and is there ${times} times`);
      if (fate === "failed" && times !== 0) found.push(`${token} (${job}) failed and is there ${times} times`);
      if (times > 1) found.push(`${token} (${job}) is there ${times} times`);
      const removed = logged.some((other) => removedBy(other) === token && this.fates.get(other)?.job === "remove");
      if (!removed) found.push(...this.#companions(token, job, times > 0, contents));
    }
    for (const token of [...logged, ...counted]) if (!this.fates.has(token)) found.push(`${token} was never written`);
    for (const name of contents.keys()) if (name.endsWith(".tmp")) found.push(`${name} was left behind`);
    return found;
  }

  /** What was in the same batch as the token: there with it, and whole. */
  #companions(token: string, job: Job, there: boolean, contents: ReadonlyMap<string, string>): string[] {
    if (job === "append" && (contents.get(`f-${token}`) === `content of ${token}`) !== there)
      return [`${token}: file torn`];
    if (job === "large") {
      const size = contents.get(`large-${token}`)?.length;
      if (size !== (there ? LARGE : undefined)) return [`${token}: ${size} bytes of ${LARGE}`];
    }
    if (job === "remove" && there && contents.has(`f-${removedBy(token)}`)) return [`${token}: file not removed`];
    return [];
  }

  #open(): FileService {
    // The same rows; nothing of what was in memory.
    return new FileService(sqlHome(this.storage), { time: this.now, longestWait: 2000 });
  }
}

function allNodes({ store }: FileService): string {
  const nodes = store.changesSince(0).nodes.map(({ stale: _, ...node }) => node);
  return JSON.stringify(nodes.sort((a, b) => a.ino - b.ino));
}

/** The number in a token: "c0-7" follows "c0-6". */
function removedBy(token: string): string {
  const [child = "", number = ""] = token.split("-");
  // The file that the same child's "append" made, four jobs before.
  return `${child}-${Number(number) - 4}`;
}

/** Follows the protocol as a child is to. */
class SimulatedChild {
  life = 0;
  readonly #world: World;
  readonly #name: string;
  #inodes = { next: 0, end: 0 };
  #batch = 0;
  #since = 0;
  /** The job in hand; -1 before the first. */
  #number = -1;
  #step = 0;
  #outstanding: ChildMessage | undefined;
  /** The message was given to the store at least once, so that it may have been done. */
  #maybeDone = false;
  /** A job has begun and its fate is open. */
  #working = false;
  #ticket = 0;
  #waiting = false;
  #counter: string | undefined;
  #ino = 0;
  #known = new Map<number, string>();

  constructor(world: World, name: string) {
    this.#world = world;
    this.#name = name;
  }

  /** Whether it would send something now. */
  get ready(): boolean {
    return !this.#waiting;
  }

  /** Between two jobs. */
  get idle(): boolean {
    return this.life > 0 && this.#step === 0 && this.#outstanding === undefined && this.#synced;
  }

  #synced = false;

  /** The message that it sends, or sends again. */
  next(): ChildMessage {
    this.#outstanding ??= this.#make();
    return this.#outstanding;
  }

  sentOnce(): number {
    this.#maybeDone = true;
    if (this.#outstanding?.type === "lock") this.#waiting = true;
    return ++this.#ticket;
  }

  die(): void {
    this.#world.service.end(this.life);
    this.#settleFate(this.#maybeDone ? "unknown" : "failed");
    this.#begin();
  }

  storeRestarted(): void {
    this.lost();
  }

  /** The connection broke: it sends again what was not answered. */
  lost(): void {
    this.#waiting = false;
    this.#ticket += 1;
  }

  receive(answer: StoreAnswer, ticket: number): void {
    if (ticket !== this.#ticket) return;
    const message = this.#outstanding;
    this.#waiting = false;
    this.#outstanding = undefined;
    if (message === undefined) return;
    if (answer.type === "ended") {
      const applied = answer.applied !== undefined && message.type === "commit" && message.operations.length > 1;
      this.#settleFate(applied ? "acknowledged" : "failed");
      this.#begin();
      return;
    }
    if (answer.type === "failed") {
      if (message.type === "hello" || message.type === "sync") return;
      this.#settleFate("failed");
      // What was locked or staged is given up with the life.
      this.#world.service.end(this.life);
      this.#begin();
      return;
    }
    this.#take(answer);
    if (message.type === "hello" || message.type === "sync") return;
    this.#step += 1;
    if (answer.type === "locked" && answer.lock.outcome !== "granted") {
      this.#settleFate("failed");
      this.#step = 0;
    } else if (answer.type === "locked") {
      this.#counter = text(answer.lock.content?.bytes ?? bytes(""));
    } else if (answer.type === "committed" && message.type === "commit" && message.operations.length > 1) {
      this.#settleFate("acknowledged");
      this.#step = 0;
    }
  }

  /** The child's view is the store's, when it has asked what is new. */
  viewProblems(): string[] {
    const { store } = this.#world.service;
    const answer = store.changesSince(this.#since);
    this.#apply(answer);
    const real = store.list(ROOT).map(({ name }) => name);
    const known = [...this.#known.values()].filter((name) => name !== "").sort();
    return JSON.stringify(real) === JSON.stringify(known) ? [] : [`${this.#name} knows ${known} and not ${real}`];
  }

  /** A new life, at the next turn. The job in hand is given up. */
  #begin(): void {
    this.life = 0;
    this.#outstanding = undefined;
    this.#waiting = false;
    this.#ticket += 1;
    this.#step = 0;
    this.#synced = false;
    this.#maybeDone = false;
    this.#known = new Map();
  }

  #take(answer: StoreAnswer): void {
    if (answer.type === "welcome") {
      this.life = answer.life;
      this.#inodes = { next: answer.inodes.first, end: answer.inodes.first + answer.inodes.count };
      this.#batch = 0;
      this.#since = 0;
    } else if (answer.type === "changes" || answer.type === "committed" || answer.type === "locked") {
      this.#apply(answer.changes);
      if (!answer.changes.more) this.#synced = true;
    }
  }

  #apply({
    reset,
    nodes,
    gone,
    seq,
  }: {
    reset: boolean;
    nodes: readonly { ino: number; name: string }[];
    gone: readonly number[];
    seq: number;
  }) {
    if (reset) this.#known.clear();
    for (const { ino, name } of nodes) this.#known.set(ino, name);
    for (const ino of gone) this.#known.delete(ino);
    this.#since = seq;
  }

  #settleFate(fate: Fate): void {
    // A hello or a sync is no job.
    if (!this.#working) return;
    this.#working = false;
    const known = this.#world.fates.get(this.#token);
    if (known !== undefined) known.fate = fate;
    this.#maybeDone = false;
  }

  get #token(): string {
    return `${this.#name}-${this.#number}`;
  }

  #make(): ChildMessage {
    if (this.life === 0) return { type: "hello", key: this.#name };
    if (!this.#synced) return { type: "sync", since: this.#since };
    if (this.#step === 0) {
      this.#number += 1;
      this.#maybeDone = false;
      this.#working = true;
      this.#world.fates.set(this.#token, { job: this.#job, fate: "failed" });
    }
    switch (this.#job) {
      case "append":
        return this.#commit([...this.#creating(`f-${this.#token}`, `content of ${this.#token}`), ...this.#logging()]);
      case "count":
        return this.#count();
      case "large":
        return this.#large();
      case "replace": {
        const name = `${this.#name}.tmp`;
        const replacing: FileOperation = { op: "rename", dir: ROOT, name, toDir: ROOT, toName: "target" };
        return this.#commit([...this.#creating(name, this.#token), replacing, ...this.#logging()]);
      }
      case "remove": {
        const name = `f-${removedBy(this.#token)}`;
        const there = [...this.#known.values()].includes(name);
        const removing: FileOperation[] = there ? [{ op: "unlink", dir: ROOT, name }] : [];
        return this.#commit([...removing, ...this.#logging()]);
      }
    }
  }

  get #job(): Job {
    return JOBS[this.#number % JOBS.length] ?? "append";
  }

  /** Makes the counter, locks it and reads it; then writes it and unlocks it. */
  #count(): ChildMessage {
    const lock = { family: "flock", ino: this.#ino, handle: 3, type: "exclusive" } as const;
    if (this.#step === 0) {
      this.#ino = [...this.#known].find(([, name]) => name === COUNTER)?.[0] ?? 0;
      if (this.#ino === 0) {
        this.#ino = this.#inodes.next++;
        return this.#commit([{ op: "create", dir: ROOT, name: COUNTER, ino: this.#ino, mode: 0o644 }]);
      }
      this.#step = 1;
    }
    if (this.#step === 1) {
      this.#ino = [...this.#known].find(([, name]) => name === COUNTER)?.[0] ?? 0;
      return { type: "lock", since: this.#since, wish: { lock: { ...lock, ino: this.#ino }, wait: 1500, have: 0 } };
    }
    const data = bytes(`${this.#counter}${this.#token};`);
    const writing: FileOperation[] = [
      { op: "truncate", ino: this.#ino, size: 0 },
      { op: "write", ino: this.#ino, offset: 0, data },
    ];
    return { ...this.#commit(writing), unlock: [lock] };
  }

  #large(): ChildMessage {
    const data = new Uint8Array(LARGE).fill(0x78);
    if (this.#step === 0) return { type: "stage", stage: 1, index: 0, data: data.subarray(0, PIECE_BYTES) };
    if (this.#step === 1) return { type: "stage", stage: 1, index: 1, data: data.subarray(PIECE_BYTES) };
    const ino = this.#inodes.next++;
    return this.#commit([
      { op: "create", dir: ROOT, name: `large-${this.#token}`, ino, mode: 0o644 },
      { op: "write", ino, offset: 0, data: { stage: 1, length: LARGE } },
      ...this.#logging(),
    ]);
  }

  #creating(name: string, content: string): FileOperation[] {
    const ino = this.#inodes.next++;
    return [
      { op: "create", dir: ROOT, name, ino, mode: 0o644 },
      { op: "write", ino, offset: 0, data: bytes(content) },
    ];
  }

  #logging(): FileOperation[] {
    const ino = this.#inodes.next++;
    return [
      { op: "create", dir: ROOT, name: LOG, ino, mode: 0o644 },
      { op: "write", ino, offset: "end", data: bytes(`${this.#token};`) },
    ];
  }

  #commit(operations: FileOperation[]): Extract<ChildMessage, { type: "commit" }> {
    return { type: "commit", batch: ++this.#batch, since: this.#since, time: this.#world.now, operations };
  }
}
