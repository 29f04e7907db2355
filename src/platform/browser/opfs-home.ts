// The home of a page's files in the browser's private file system (OPFS): rows and places of pieces in memory, and in a
// journal; pieces in a file of their own.
//
// A transaction is one record of the journal. Its pieces are on disk before the record is, in places that nothing else
// uses; places that it frees are used again only after it. So whatever moment the page is killed at, the journal ends
// with a whole transaction, and all pieces that it names are there.

import { type BatchRecord, type FileHome, OWN_PIECES } from "../../fs/home.ts";
import { FileStoreError, MemoryHome, type NodeRecord } from "../../fs/index.ts";
import { Journal, type JournalRecord, JournalVersion } from "./opfs/journal.ts";
import { PieceFile, type Place } from "./opfs/piece-file.ts";
import type { SyncFile } from "./opfs/sync-file.ts";

/** The files of a home. Nobody else has them open. */
export interface OpfsFiles {
  readonly journals: readonly [SyncFile, SyncFile];
  readonly pieces: SyncFile;
}

/** One change of a row or a place, as the journal has it. */
type Change =
  | readonly ["value", name: string, value: string]
  | readonly ["node", node: NodeRecord]
  | readonly ["removed", ino: number, seq: number]
  | readonly ["forget", seq: number]
  | readonly ["batch", record: BatchRecord]
  | readonly ["lives", life: number]
  | readonly ["piece", owner: number, index: number, unit: number, bytes: number]
  | readonly ["gone", owner: number, index: number];

/** A journal is made anew when this many bytes came in, and more than it began with. */
const MUCH = 2 * 1024 * 1024;

/** Changes of one record when a journal is made anew. */
const RECORD = 1000;

/** A page's files, kept in its private file system: give it to `PageFiles`. `openPageHome` opens the files for it. */
export class OpfsHome implements FileHome {
  readonly #files: OpfsFiles;
  readonly #journal: Journal;
  readonly #pieces: PieceFile;
  /** Rows, and nothing else. */
  #rows = new MemoryHome();
  readonly #places = new Map<number, Map<number, Place>>();
  /** Values by name: the rows do not list theirs. */
  readonly #names = new Set<string>();
  #bytes = 0;
  /** Everything was forgotten: a store that does not know must not write on. */
  #forgotten = false;
  /** The present transaction. */
  #changes: Change[] | undefined;
  #undo: (() => void)[] = [];
  #fresh = new Set<Place>();
  #freed: Place[] = [];

  /** @throws {FileStoreError} `FILE_STORE_VERSION`, `FILE_STORE_DAMAGED` */
  constructor(files: OpfsFiles) {
    this.#files = files;
    try {
      this.#journal = new Journal(files.journals, (record) => {
        for (const change of record as readonly Change[]) this.#apply(change);
      });
    } catch (cause) {
      if (!(cause instanceof JournalVersion)) throw cause;
      throw new FileStoreError("FILE_STORE_VERSION", `the files in this browser have ${cause.message}`, { cause });
    }
    if (this.#journal.empty && files.pieces.getSize() > 0) {
      throw new FileStoreError("FILE_STORE_DAMAGED", "the files in this browser have no journal that can be read");
    }
    this.#pieces = new PieceFile(files.pieces, this.#allPlaces());
    if (this.#journal.empty) this.#journal.begin([]);
  }

  get bytes(): number {
    return this.#bytes;
  }

  transaction<T>(body: () => T): T {
    if (this.#changes !== undefined) throw new Error("transactions are not nested");
    if (this.#forgotten) throw new Error("the files were reset: the page must be loaded again");
    this.#changes = [];
    this.#undo = [];
    this.#fresh = new Set();
    this.#freed = [];
    const before = this.#bytes;
    let result: T;
    try {
      result = this.#rows.transaction(() => {
        const result = body();
        this.#keep();
        return result;
      });
    } catch (error) {
      for (const step of this.#undo.reverse()) step();
      this.#bytes = before;
      for (const place of this.#fresh) this.#pieces.free(place);
      this.#changes = undefined;
      throw error;
    }
    this.#changes = undefined;
    for (const place of this.#freed) this.#pieces.free(place);
    this.#shorten();
    return result;
  }

  getValue(name: string): string | undefined {
    return this.#rows.getValue(name);
  }

  setValue(name: string, value: string): void {
    this.#do(["value", name, value]);
  }

  nodes(): Iterable<NodeRecord> {
    return this.#rows.nodes();
  }

  putNode(node: NodeRecord): void {
    this.#do(["node", node]);
  }

  removeNode(ino: number, seq: number): void {
    this.#do(["removed", ino, seq]);
  }

  removed(): Iterable<{ readonly ino: number; readonly seq: number }> {
    return this.#rows.removed();
  }

  forgetRemoved(seq: number): void {
    this.#do(["forget", seq]);
  }

  batches(): Iterable<BatchRecord> {
    return this.#rows.batches();
  }

  putBatch(record: BatchRecord): void {
    this.#do(["batch", record]);
  }

  forgetBatches(life: number): void {
    this.#do(["lives", life]);
  }

  getPiece(owner: number, index: number): Uint8Array | undefined {
    const place = this.#places.get(owner)?.get(index);
    return place && this.#pieces.get(place);
  }

  putPiece(owner: number, index: number, bytes: Uint8Array): void {
    const place = this.#pieces.put(bytes);
    this.#fresh.add(place);
    this.#release(this.#places.get(owner)?.get(index));
    this.#place(owner, index, place);
  }

  movePiece(owner: number, index: number, toOwner: number, toIndex: number): void {
    if (owner === toOwner && index === toIndex) return;
    const place = this.#places.get(owner)?.get(index);
    const before = this.#places.get(toOwner)?.get(toIndex);
    this.#release(before);
    if (place !== undefined) this.#place(owner, index, undefined);
    if (place !== undefined || before !== undefined) this.#place(toOwner, toIndex, place);
  }

  removePieces(owner: number, index: number): void {
    for (const [known, place] of [...(this.#places.get(owner) ?? [])]) {
      if (known < index) continue;
      this.#release(place);
      this.#place(owner, known, undefined);
    }
  }

  pieceBytes(owner: number): number {
    let sum = 0;
    for (const { bytes } of this.#places.get(owner)?.values() ?? []) sum += bytes;
    return sum;
  }

  removeUnowned(): void {
    const owners = new Set([OWN_PIECES]);
    for (const { ino } of this.#rows.nodes()) owners.add(ino);
    for (const owner of [...this.#places.keys()]) if (!owners.has(owner)) this.removePieces(owner, 0);
  }

  /** Forgets everything, at once or not at all, and takes nothing more: a store is opened on a new home. @throws {Error} */
  clear(): void {
    this.#journal.begin([]);
    this.#forgotten = true;
    this.#rows = new MemoryHome();
    this.#places.clear();
    this.#names.clear();
    this.#bytes = 0;
    this.#pieces.clear();
  }

  /** Gives the files back. */
  close(): void {
    for (const file of [...this.#files.journals, this.#files.pieces]) file.close();
  }

  /** Makes the present transaction durable. */
  #keep(): void {
    const changes = this.#changes ?? [];
    if (changes.length === 0) return;
    this.#pieces.flush();
    this.#journal.append(changes satisfies JournalRecord);
  }

  /** A journal that grew too long is made anew. What it says is durable already: if that fails, it grows on. */
  #shorten(): void {
    const { begun, added } = this.#journal.size;
    if (added < Math.max(MUCH, begun)) return;
    try {
      this.#journal.begin(this.#everything());
    } catch {
      // No room for two of them, or the disk fails: the next transaction tells.
    }
  }

  *#everything(): Iterable<JournalRecord> {
    let record: Change[] = [];
    for (const change of this.#allChanges()) {
      record.push(change);
      if (record.length < RECORD) continue;
      yield record;
      record = [];
    }
    yield record;
  }

  *#allChanges(): Iterable<Change> {
    const rows = this.#rows;
    for (const name of this.#names) {
      const value = rows.getValue(name);
      if (value !== undefined) yield ["value", name, value];
    }
    for (const node of rows.nodes()) yield ["node", node];
    for (const { ino, seq } of rows.removed()) yield ["removed", ino, seq];
    for (const batch of rows.batches()) yield ["batch", batch];
    for (const [owner, places] of this.#places) {
      for (const [index, { unit, bytes }] of places) yield ["piece", owner, index, unit, bytes];
    }
  }

  *#allPlaces(): Iterable<Place> {
    for (const places of this.#places.values()) yield* places.values();
  }

  #do(change: Change): void {
    this.#apply(change);
    this.#changes?.push(change);
  }

  #apply(change: Change): void {
    const rows = this.#rows;
    switch (change[0]) {
      case "value":
        this.#names.add(change[1]);
        rows.setValue(change[1], change[2]);
        break;
      case "node":
        rows.putNode(change[1]);
        break;
      case "removed":
        rows.removeNode(change[1], change[2]);
        break;
      case "forget":
        rows.forgetRemoved(change[1]);
        break;
      case "batch":
        rows.putBatch(change[1]);
        break;
      case "lives":
        rows.forgetBatches(change[1]);
        break;
      case "piece":
        this.#set(change[1], change[2], { unit: change[3], bytes: change[4] });
        break;
      case "gone":
        this.#set(change[1], change[2], undefined);
        break;
      default:
        change satisfies never;
    }
  }

  #place(owner: number, index: number, place: Place | undefined): void {
    const before = this.#places.get(owner)?.get(index);
    this.#undo.push(() => this.#set(owner, index, before));
    this.#set(owner, index, place);
    this.#changes?.push(
      place === undefined ? ["gone", owner, index] : ["piece", owner, index, place.unit, place.bytes],
    );
  }

  #set(owner: number, index: number, place: Place | undefined): void {
    const places = this.#places.get(owner) ?? new Map<number, Place>();
    this.#bytes += (place?.bytes ?? 0) - (places.get(index)?.bytes ?? 0);
    if (place === undefined) places.delete(index);
    else places.set(index, place);
    if (places.size === 0) this.#places.delete(owner);
    else this.#places.set(owner, places);
  }

  /** A place is not used any more: free at once if nothing but this transaction knows it, else when that is durable. */
  #release(place: Place | undefined): void {
    if (place === undefined) return;
    if (this.#fresh.delete(place)) this.#pieces.free(place);
    else this.#freed.push(place);
  }
}
