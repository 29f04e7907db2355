// A warmed interpreter as a value: taken from one instance, put into others of the same build, on any platform and in
// any process. What must differ between them is no part of it: see docs/decisions/0073.

import { PhpError } from "../errors.ts";
import type { PhpModule } from "../glue.ts";
import {
  type EnvironmentPlace,
  encodeVariables,
  environmentFits,
  isReplaceable,
  writeEnvironment,
} from "./environment.ts";
import { forgetGenerators, forgetScripts, forgetStack, forgetTexts } from "./forget.ts";
import { clear, memoryEnd, type Run, readGlobals, stackPointerOf, usedRuns, writeGlobals } from "./memory.ts";
import { restoreStreams, type SavedStream, saveStreams } from "./streams.ts";

/** An interpreter between two requests. */
export interface Snapshot {
  /** What it was made of: see `snapshotKey`. It must not be put into anything else. */
  readonly key: string;
  /** Linear memory, in bytes. */
  readonly memory: number;
  readonly stackPointer: number;
  /** Other variables of the instance beside linear memory, where it exports them: see `readGlobals`. */
  readonly globals: Readonly<Record<string, number>>;
  /** What of linear memory is not zero. */
  readonly runs: readonly Run[];
  /** Content of the runs, one behind the other. */
  readonly bytes: Uint8Array;
  /** Bytes of the pieces that `bytes` was compressed to, by whoever keeps it so: `SnapshotContent` reads them. */
  readonly packed?: readonly number[];
  readonly streams: readonly SavedStream[];
  /** Where each child's own environment goes. */
  readonly environment: EnvironmentPlace;
  /** Of the interpreter that it was taken of. OpenSSL takes a copy with the same one for that interpreter. */
  readonly processId: number;
  /** The application's files of which it holds compiled code. Whoever keeps it for long compares them. */
  readonly sources?: readonly SourceFile[];
}

/** Content of a snapshot that is kept otherwise than in one piece of memory. */
export interface SnapshotContent {
  /** Bytes. */
  readonly length: number;
  /** Copies what lies from `start` on, as much as `target` takes. */
  copyTo(target: Uint8Array, start: number): void;
}

/** A snapshot with its content wherever it is. */
export type StoredSnapshot = Omit<Snapshot, "bytes"> & { readonly bytes: Uint8Array | SnapshotContent };

/** A file as it was when it was compiled. */
export interface SourceFile {
  /** As PHP was asked for it. */
  readonly path: string;
  /** Where that led, on the machine. */
  readonly real: string;
  readonly size: number;
  /** Milliseconds since 1970. */
  readonly time: number;
}

/** What a snapshot is taken of. */
export interface SnapshotSource {
  readonly module: PhpModule;
  readonly environment: EnvironmentPlace | undefined;
  /** Constants of random generators: `seededGenerators` of the interpreter before its first script. */
  readonly constants: readonly number[];
  readonly processId: number;
}

/**
 * Takes a snapshot while no script runs. The environment is not in it, nor what scripts left in free
 * memory, nor random numbers drawn ahead.
 *
 * @param allocate gives the memory for the content: shared by threads, for example
 * @param variables the environment that it has, and goes on with
 * @throws {PhpError} `PHP_SNAPSHOT` when a script left something open that cannot be copied, or the build does not tell
 *   where the environment lies
 */
export function takeSnapshot(
  { module, environment, constants, processId }: SnapshotSource,
  key: string,
  allocate: (bytes: number) => Uint8Array = (bytes) => new Uint8Array(bytes),
  variables: Readonly<Record<string, string | undefined>> = {},
): Snapshot {
  const { streams, open } = saveStreams(module);
  if (open.length > 0) {
    const what = open.slice(0, 5).join(", ");
    throw new PhpError("PHP_SNAPSHOT", `a script left open what cannot be copied: ${what}; it must close it`);
  }
  if (!isReplaceable(environment)) {
    throw new PhpError("PHP_SNAPSHOT", "this build of PHP does not tell where its environment lies");
  }
  const heap = module.HEAPU8;
  const stackPointer = Number(stackPointerOf(module).value);
  writeEnvironment(heap, environment, {});
  forgetGenerators(heap, environment.list, constants);
  forgetScripts(module);
  forgetStack(heap, stackPointer);
  // The copies have no NUL.
  forgetTexts(
    heap,
    memoryEnd(module),
    encodeVariables(variables).map((text) => text.subarray(0, -1)),
  );
  const runs = usedRuns(heap.subarray(0, memoryEnd(module)));
  const bytes = allocate(runs.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  for (const { at, length } of runs) {
    bytes.set(heap.subarray(at, at + length), offset);
    offset += length;
  }
  writeEnvironment(heap, environment, variables);
  const globals = readGlobals(module);
  return { key, memory: heap.length, stackPointer, globals, runs, bytes, streams, environment, processId };
}

/**
 * Puts a snapshot into an instance of the same build: a fresh one that PHP was not started in, or one that PHP was
 * running in. Files in memory stay.
 *
 * @param resize makes linear memory at least that large, in bytes; false when it cannot
 * @param variables the environment of the interpreter from now on
 * @param blank linear memory is all zero: nothing has run in the instance
 * @throws {PhpError} `PHP_SNAPSHOT` when memory cannot grow so far, or the environment does not fit; the instance is
 *   unchanged then
 */
export function restoreInto(
  module: PhpModule,
  snapshot: StoredSnapshot,
  resize: (bytes: number) => boolean,
  variables: Readonly<Record<string, string | undefined>>,
  blank = false,
): void {
  if (module.HEAPU8.length < snapshot.memory && !resize(snapshot.memory)) {
    throw new PhpError("PHP_SNAPSHOT", `linear memory cannot grow to the ${snapshot.memory} bytes of the snapshot`);
  }
  if (!environmentFits(snapshot.environment, variables)) {
    throw new PhpError("PHP_SNAPSHOT", "the environment is too large for the snapshot");
  }
  const { bytes } = snapshot;
  const heap = module.HEAPU8;
  const end = blank ? 0 : memoryEnd(module);
  let last = 0;
  let offset = 0;
  for (const { at, length } of snapshot.runs) {
    clear(heap, last, Math.min(at, end));
    if (bytes instanceof Uint8Array) heap.set(bytes.subarray(offset, offset + length), at);
    else bytes.copyTo(heap.subarray(at, at + length), offset);
    offset += length;
    last = at + length;
  }
  clear(heap, last, end);
  stackPointerOf(module).value = snapshot.stackPointer;
  writeGlobals(module, snapshot.globals);
  writeEnvironment(heap, snapshot.environment, variables);
  restoreStreams(module, snapshot.streams);
}
