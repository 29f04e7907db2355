// The home of a pool's files in its Durable Object: tables in the object's SQLite database.
//
// Memory: the metadata of all files is held in memory by the store, about 300 bytes each. Of contents nothing is held:
// a piece is read when it is asked for. Durability: a transaction here is synchronous, and the platform holds back
// everything the object sends (answers, requests, stream bytes) until what was written before is on disk in several
// places ("output gates"). If that fails the object is reset and nobody has seen the answer.

import { type BatchRecord, type FileHome, OWN_PIECES } from "../../fs/home.ts";
import { FileStoreError, type NodeRecord, type NodeType } from "../../fs/index.ts";

/** A value in a row. */
export type SqlValue = ArrayBuffer | string | number | null;

/** As much of `ctx.storage` as is used. */
export interface ObjectStorage {
  readonly sql: { exec(query: string, ...values: unknown[]): Iterable<Record<string, SqlValue>> };
  transactionSync<T>(run: () => T): T;
}

/**
 * What brings the tables from each version to the next; the first makes them. Never changed, only added to.
 *
 * A piece's bytes are a row of their own, so that what was staged becomes a file without being copied.
 */
const MIGRATIONS: readonly (readonly string[])[] = [
  [
    `CREATE TABLE fs_node (ino INTEGER PRIMARY KEY, parent INTEGER NOT NULL, name TEXT NOT NULL, type TEXT NOT NULL,
       mode INTEGER NOT NULL, size INTEGER NOT NULL, mtime REAL NOT NULL, ctime REAL NOT NULL, version INTEGER NOT NULL,
       seq INTEGER NOT NULL, target TEXT, base TEXT)`,
    "CREATE TABLE fs_removed (ino INTEGER PRIMARY KEY, seq INTEGER NOT NULL)",
    "CREATE TABLE fs_batch (life INTEGER PRIMARY KEY, batch INTEGER NOT NULL, answer TEXT NOT NULL)",
    `CREATE TABLE fs_piece (owner INTEGER NOT NULL, idx INTEGER NOT NULL, size INTEGER NOT NULL, chunk INTEGER NOT NULL,
       PRIMARY KEY (owner, idx)) WITHOUT ROWID`,
    "CREATE TABLE fs_chunk (id INTEGER PRIMARY KEY, data BLOB NOT NULL)",
  ],
];

export class SqlHome implements FileHome {
  readonly #storage: ObjectStorage;
  #bytes: number;

  /** @throws {FileStoreError} `FILE_STORE_VERSION` */
  constructor(storage: ObjectStorage) {
    this.#storage = storage;
    storage.transactionSync(() => {
      this.#run("CREATE TABLE IF NOT EXISTS fs_value (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID");
      const version = Number(this.getValue("schema") ?? 0);
      if (version > MIGRATIONS.length) {
        throw new FileStoreError(
          "FILE_STORE_VERSION",
          `the file store has tables of version ${version}; this release knows ${MIGRATIONS.length}: deploy a later one`,
        );
      }
      if (version === MIGRATIONS.length) return;
      for (const step of MIGRATIONS.slice(version)) for (const statement of step) this.#run(statement);
      this.setValue("schema", String(MIGRATIONS.length));
    });
    this.#bytes = this.#sumOfPieces();
  }

  get bytes(): number {
    return this.#bytes;
  }

  transaction<T>(body: () => T): T {
    const before = this.#bytes;
    try {
      return this.#storage.transactionSync(body);
    } catch (error) {
      this.#bytes = before;
      throw error;
    }
  }

  getValue(name: string): string | undefined {
    const row = this.#first("SELECT value FROM fs_value WHERE name = ?", name);
    return row && String(row.value);
  }

  setValue(name: string, value: string): void {
    this.#run("INSERT OR REPLACE INTO fs_value (name, value) VALUES (?, ?)", name, value);
  }

  *nodes(): Iterable<NodeRecord> {
    for (const row of this.#storage.sql.exec("SELECT * FROM fs_node")) {
      yield {
        ino: Number(row.ino),
        parent: Number(row.parent),
        name: String(row.name),
        type: row.type as NodeType,
        mode: Number(row.mode),
        size: Number(row.size),
        mtime: Number(row.mtime),
        ctime: Number(row.ctime),
        version: Number(row.version),
        seq: Number(row.seq),
        ...(row.target !== null && { target: String(row.target) }),
        ...(row.base !== null && { base: String(row.base) }),
      };
    }
  }

  putNode({ ino, parent, name, type, mode, size, mtime, ctime, version, seq, target, base }: NodeRecord): void {
    this.#run(
      `INSERT OR REPLACE INTO fs_node (ino, parent, name, type, mode, size, mtime, ctime, version, seq, target, base)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      ...[ino, parent, name, type, mode, size, mtime, ctime, version, seq, target ?? null, base ?? null],
    );
  }

  removeNode(ino: number, seq: number): void {
    this.#run("DELETE FROM fs_node WHERE ino = ?", ino);
    this.#run("INSERT OR REPLACE INTO fs_removed (ino, seq) VALUES (?, ?)", ino, seq);
  }

  *removed(): Iterable<{ ino: number; seq: number }> {
    for (const { ino, seq } of this.#storage.sql.exec("SELECT ino, seq FROM fs_removed ORDER BY seq")) {
      yield { ino: Number(ino), seq: Number(seq) };
    }
  }

  forgetRemoved(seq: number): void {
    this.#run("DELETE FROM fs_removed WHERE seq <= ?", seq);
  }

  *batches(): Iterable<BatchRecord> {
    for (const { life, batch, answer } of this.#storage.sql.exec("SELECT life, batch, answer FROM fs_batch")) {
      yield { life: Number(life), batch: Number(batch), answer: String(answer) };
    }
  }

  putBatch({ life, batch, answer }: BatchRecord): void {
    this.#run("INSERT OR REPLACE INTO fs_batch (life, batch, answer) VALUES (?, ?, ?)", life, batch, answer);
  }

  forgetBatches(life: number): void {
    this.#run("DELETE FROM fs_batch WHERE life <= ?", life);
  }

  getPiece(owner: number, index: number): Uint8Array | undefined {
    const row = this.#first(
      "SELECT c.data FROM fs_piece p JOIN fs_chunk c ON c.id = p.chunk WHERE p.owner = ? AND p.idx = ?",
      ...[owner, index],
    );
    if (row === undefined) return undefined;
    return row.data instanceof ArrayBuffer ? new Uint8Array(row.data) : new Uint8Array(0);
  }

  putPiece(owner: number, index: number, bytes: Uint8Array): void {
    const before = this.#first("SELECT size, chunk FROM fs_piece WHERE owner = ? AND idx = ?", owner, index);
    this.#bytes += bytes.length - Number(before?.size ?? 0);
    if (before === undefined) {
      const made = this.#first("INSERT INTO fs_chunk (data) VALUES (?) RETURNING id", bytes);
      this.#run(
        "INSERT INTO fs_piece (owner, idx, size, chunk) VALUES (?, ?, ?, ?)",
        ...[owner, index, bytes.length, made?.id],
      );
      return;
    }
    this.#run("UPDATE fs_chunk SET data = ? WHERE id = ?", bytes, before.chunk);
    if (before.size !== bytes.length) {
      this.#run("UPDATE fs_piece SET size = ? WHERE owner = ? AND idx = ?", bytes.length, owner, index);
    }
  }

  movePiece(owner: number, index: number, toOwner: number, toIndex: number): void {
    const before = this.#first("SELECT size, chunk FROM fs_piece WHERE owner = ? AND idx = ?", toOwner, toIndex);
    if (before !== undefined) {
      this.#bytes -= Number(before.size);
      this.#run("DELETE FROM fs_chunk WHERE id = ?", before.chunk);
      this.#run("DELETE FROM fs_piece WHERE owner = ? AND idx = ?", toOwner, toIndex);
    }
    this.#run(
      "UPDATE fs_piece SET owner = ?, idx = ? WHERE owner = ? AND idx = ?",
      ...[toOwner, toIndex, owner, index],
    );
  }

  removePieces(owner: number, index: number): void {
    const sum = this.#first("SELECT sum(size) AS sum FROM fs_piece WHERE owner = ? AND idx >= ?", owner, index);
    if (sum?.sum === null || sum === undefined) return;
    this.#run(
      "DELETE FROM fs_chunk WHERE id IN (SELECT chunk FROM fs_piece WHERE owner = ? AND idx >= ?)",
      owner,
      index,
    );
    this.#run("DELETE FROM fs_piece WHERE owner = ? AND idx >= ?", owner, index);
    this.#bytes -= Number(sum.sum);
  }

  pieceBytes(owner: number): number {
    return Number(this.#first("SELECT sum(size) AS sum FROM fs_piece WHERE owner = ?", owner)?.sum ?? 0);
  }

  removeUnowned(): void {
    const unowned = `FROM fs_piece WHERE owner <> ${OWN_PIECES} AND owner NOT IN (SELECT ino FROM fs_node)`;
    this.#run(`DELETE FROM fs_chunk WHERE id IN (SELECT chunk ${unowned})`);
    this.#run(`DELETE ${unowned}`);
    this.#bytes = this.#sumOfPieces();
  }

  #sumOfPieces(): number {
    return Number(this.#first("SELECT sum(size) AS sum FROM fs_piece")?.sum ?? 0);
  }

  #run(query: string, ...values: unknown[]): void {
    this.#storage.sql.exec(query, ...values);
  }

  #first(query: string, ...values: unknown[]): Record<string, SqlValue> | undefined {
    // To its end: a statement that is left half way may stand in the way of the next one.
    return [...this.#storage.sql.exec(query, ...values)][0];
  }
}
