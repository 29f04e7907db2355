// Where a running master is found by other commands of the same user: a Unix socket in their common folder. Over it a
// script of the command line takes its locks in the master's table, and a job of the schedule is run in its pools.
//
// One line of JSON each way: the master says first who it is, then it answers one question after the other.

import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { createConnection, createServer, type Socket } from "node:net";
import { join, sep } from "node:path";
import { createInterface, type Interface } from "node:readline";
import type { CronOutcome } from "../../cron/index.ts";
import {
  type Conflict,
  FileLocks,
  type LockedFile,
  type LockRequest,
  type LockResult,
  processLocks,
} from "./file-locks.ts";
import { sharedParent } from "./spawn-thread.ts";

/** Who a master is. */
export interface MasterName {
  readonly pid: number;
  /** Folders of its sites: absolute, links resolved. */
  readonly roots: readonly string[];
  /** Its configuration's file: absolute, links resolved. */
  readonly config?: string;
}

/** A master that was found. */
export interface FoundMaster extends MasterName {
  readonly path: string;
}

/** What is asked of the locks. `end` of a range is null for the end of the file. */
export type LockQuestion =
  | { readonly type: "set"; readonly request: LockRequest; readonly wait: boolean | number }
  | { readonly type: "onlyShares"; readonly file: LockedFile }
  | { readonly type: "conflict"; readonly request: LockRequest }
  | { readonly type: "closed"; readonly fd: number; readonly device: number; readonly inode: number }
  | { readonly type: "releaseAll" };

export interface LockAnswer {
  readonly held: number;
  readonly set?: LockResult;
  readonly onlyShares?: boolean;
  readonly conflict?: Conflict;
}

type Question = LockQuestion | { readonly type: "job"; readonly name: string };

/** Longest line, in characters: a job's name is the longest thing in one. */
const LONGEST_LINE = 64 * 1024;

/** How long a master may take to say who it is, in milliseconds: it may be compiling PHP. */
const GREETING = 2000;

/** Runs a job of the schedule; `undefined` for one that there is not. */
export type RunJob = (name: string, signal: AbortSignal) => Promise<CronOutcome> | undefined;

/**
 * Lets this process be found.
 *
 * @returns what ends that
 * @throws {Error} when the socket cannot be made
 */
export async function announceMaster(master: MasterName, runJob: RunJob = () => undefined): Promise<() => void> {
  const folder = mastersFolder();
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, `${process.pid}.sock`);
  // Of a process that had our number before.
  rmSync(path, { force: true });
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket)).unref();
    socket.write(`${JSON.stringify(master)}\n`);
    void answer(socket, runJob);
  });
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(path, resolve));
  // From here on, errors are failed accepts.
  server.on("error", () => {}).unref();
  const remove = () => rmSync(path, { force: true });
  process.once("exit", remove);
  return () => {
    process.off("exit", remove);
    server.close();
    for (const socket of sockets) socket.destroy();
  };
}

/** Process ids of those that ask. A child's is above 0. */
let lastGuest = 0;

async function answer(socket: Socket, runJob: RunJob): Promise<void> {
  const owner = --lastGuest;
  const locks = new FileLocks(processLocks(), owner);
  const gone = new AbortController();
  socket.once("close", () => gone.abort());
  try {
    for await (const line of linesOf(socket)) {
      const question = JSON.parse(line) as Question;
      const said =
        question.type === "job" ? await runJob(question.name, gone.signal) : await ask(locks, question, gone);
      socket.write(`${JSON.stringify(said ?? {})}\n`);
    }
  } catch {
    // Not one of ours: nothing is owed to it.
  } finally {
    socket.destroy();
    FileLocks.releaseDead(processLocks(), owner);
  }
}

async function ask(locks: FileLocks, question: LockQuestion, gone: AbortController): Promise<LockAnswer> {
  switch (question.type) {
    case "set": {
      const set = await locks.setLater(endless(question.request), question.wait, gone.signal);
      return { held: locks.held, set };
    }
    case "onlyShares":
      return { held: locks.held, onlyShares: locks.onlyShares(question.file) };
    case "conflict": {
      const conflict = locks.conflict(endless(question.request));
      return { held: locks.held, ...(conflict && { conflict }) };
    }
    case "closed":
      locks.closed(question.fd, question.device, question.inode);
      return { held: locks.held };
    case "releaseAll":
      locks.releaseAll();
      return { held: locks.held };
  }
}

/** JSON has no Infinity. */
export function endless<Range extends { readonly end: number | null }>(range: Range): Range & { readonly end: number } {
  return { ...range, end: range.end ?? Number.POSITIVE_INFINITY };
}

/** The lines that come; a peer that sends endless ones is cut off. */
function linesOf(socket: Socket): Interface {
  let length = 0;
  socket.on("data", (chunk) => {
    const newline = chunk.lastIndexOf(10);
    length = newline === -1 ? length + chunk.length : chunk.length - newline;
    if (length > LONGEST_LINE) socket.destroy();
  });
  socket.on("error", () => {});
  return createInterface({ input: socket });
}

/** The running masters of this user. What dead ones left is removed. */
export async function findMasters(): Promise<readonly FoundMaster[]> {
  let names: string[];
  let folder: string;
  try {
    folder = mastersFolder();
    names = readdirSync(folder).filter((name) => name.endsWith(".sock") && name !== `${process.pid}.sock`);
  } catch {
    return [];
  }
  const found = await Promise.all(names.map((name) => greet(join(folder, name))));
  return found.filter((one) => one !== undefined);
}

/** The master among `masters` that serves a folder in which one of `paths` lies; of several the one that is nearest. */
export function masterOf(masters: readonly FoundMaster[], paths: readonly string[]): FoundMaster | undefined {
  const inside = (folder: string) =>
    paths.some((path) => path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep));
  const nearness = ({ roots }: FoundMaster) => Math.max(0, ...roots.filter(inside).map(({ length }) => length));
  const [nearest] = masters.toSorted((a, b) => nearness(b) - nearness(a));
  return nearest !== undefined && nearness(nearest) > 0 ? nearest : undefined;
}

async function greet(path: string): Promise<FoundMaster | undefined> {
  const socket = createConnection(path);
  socket.setTimeout(GREETING, () => socket.destroy());
  socket.once("error", ({ code }: NodeJS.ErrnoException) => {
    if (code === "ECONNREFUSED") rmSync(path, { force: true });
  });
  try {
    for await (const line of linesOf(socket)) return { ...(JSON.parse(line) as MasterName), path };
  } catch {
    // Not one of ours.
  } finally {
    socket.destroy();
  }
  return undefined;
}

/**
 * Has a master run a job of its schedule.
 *
 * @returns `undefined` when it knows none of that name
 * @throws {Error} when it ended meanwhile
 */
export async function runJobAt({ path, pid }: FoundMaster, name: string): Promise<CronOutcome | undefined> {
  const socket = createConnection(path);
  try {
    let greeted = false;
    for await (const line of linesOf(socket)) {
      if (greeted) {
        const outcome = JSON.parse(line) as Partial<CronOutcome>;
        return outcome.result === undefined ? undefined : (outcome as CronOutcome);
      }
      greeted = true;
      socket.write(`${JSON.stringify({ type: "job", name } satisfies Question)}\n`);
    }
    throw new Error(`process ${pid} ended while it ran ${name}`);
  } finally {
    socket.destroy();
  }
}

function mastersFolder(): string {
  return join(sharedParent(undefined), "masters");
}
