// Two ends of a connection in memory, for tests of servers that a page has inside.

import type { BytePipe } from "../../../../src/platform/browser/network/byte-pipe.ts";

/** What one end writes, the other one reads. */
export class Pipe implements BytePipe {
  readonly #incoming: Uint8Array[] = [];
  #other: Pipe | undefined;
  #wake: () => void = () => {};
  #over = false;
  /** Bytes that were written to this end and not yet read. */
  unread = 0;

  static pair(): [Pipe, Pipe] {
    const [a, b] = [new Pipe(), new Pipe()];
    a.#other = b;
    b.#other = a;
    return [a, b];
  }

  async read(): Promise<Uint8Array | undefined> {
    while (this.#incoming.length === 0) {
      if (this.#over) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const bytes = this.#incoming.shift();
    this.unread -= bytes?.length ?? 0;
    return bytes;
  }

  async write(bytes: Uint8Array): Promise<void> {
    const other = this.#other;
    if (other === undefined || other.#over) throw new Error("the connection is closed");
    other.#incoming.push(bytes.slice());
    other.unread += bytes.length;
    other.#wake();
  }

  async close(): Promise<void> {
    for (const end of [this, this.#other]) {
      if (end === undefined) continue;
      end.#over = true;
      end.#wake();
    }
  }

  /** Everything up to the end, as a byte string. */
  async all(): Promise<string> {
    let text = "";
    for (let next = await this.read(); next !== undefined; next = await this.read()) {
      text += Buffer.from(next).toString("latin1");
    }
    return text;
  }

  async writeText(text: string): Promise<void> {
    await this.write(Buffer.from(text, "latin1"));
  }
}
