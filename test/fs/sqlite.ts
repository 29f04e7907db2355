// SQLite of Node in the place of a Durable Object's: the same SQL, for tests that need thousands of stores.

import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import { type ObjectStorage, SqlHome, type SqlValue } from "../../src/platform/workers/file-store-home.ts";

export class NodeStorage implements ObjectStorage {
  readonly #database: DatabaseSync;
  /** Called before each statement: may throw, as a full disk would. */
  onStatement: (query: string) => void = () => {};

  constructor(path = ":memory:") {
    this.#database = new DatabaseSync(path);
  }

  readonly sql = {
    exec: (query: string, ...values: unknown[]): Record<string, SqlValue>[] => {
      this.onStatement(query);
      checkLimits(query, values);
      const rows = this.#database.prepare(query).all(...(values as SQLInputValue[]));
      return rows.map((row) => Object.fromEntries(Object.entries(row).map(([name, value]) => [name, sqlValue(value)])));
    },
  };

  transactionSync<T>(run: () => T): T {
    this.#database.exec("BEGIN");
    try {
      const result = run();
      this.#database.exec("COMMIT");
      return result;
    } catch (error) {
      this.#database.exec("ROLLBACK");
      throw error;
    }
  }

  /** All rows of all tables. */
  dump(): string {
    const tables = ["fs_value", "fs_node", "fs_removed", "fs_batch", "fs_piece"];
    return JSON.stringify(tables.map((table) => this.#database.prepare(`SELECT * FROM ${table}`).all()));
  }

  count(table: string): number {
    return Number(this.#database.prepare(`SELECT count(*) AS n FROM ${table}`).get()?.n);
  }

  close(): void {
    this.#database.close();
  }
}

/** What a Durable Object refuses, and neither SQLite nor local workerd does. */
function checkLimits(query: string, values: readonly unknown[]): void {
  const size = values.reduce<number>(
    (sum, value) => sum + (value instanceof Uint8Array ? value.length : String(value).length),
    0,
  );
  if (size > 2_000_000) throw new Error(`a row of ${size} bytes: ${query}`);
  if (values.length > 100) throw new Error(`${values.length} parameters: ${query}`);
}

export function sqlHome(storage = new NodeStorage()): SqlHome {
  return new SqlHome(storage);
}

function sqlValue(value: unknown): SqlValue {
  if (value instanceof Uint8Array) return value.slice().buffer;
  return value as string | number | null;
}
