// A script's STDERR as lines for the operator's log.

/** Longest line, in bytes: what is longer is told in pieces. PHP's own `log_limit` starts at 1024. */
const MAX_LINE = 8192;

/** Cuts bytes into lines. Holds at most one unfinished line. */
export class StderrLines {
  readonly #tell: (line: string) => void;
  #decoder: TextDecoder | undefined;
  #line = "";

  constructor(tell: (line: string) => void) {
    this.#tell = tell;
  }

  push(chunk: Uint8Array): void {
    this.#decoder ??= new TextDecoder();
    // In pieces, so that one large chunk makes no larger string than a line may be.
    for (let at = 0; at < chunk.length; at += MAX_LINE) {
      this.#line += this.#decoder.decode(chunk.subarray(at, at + MAX_LINE), { stream: true });
      const lines = this.#line.split("\n");
      this.#line = lines.pop() ?? "";
      for (const line of lines) this.#emit(line);
      if (this.#line.length >= MAX_LINE) {
        this.#emit(this.#line);
        this.#line = "";
      }
    }
  }

  /** No more comes. Safe to call twice. */
  end(): void {
    const rest = this.#line;
    this.#line = "";
    this.#emit(rest);
  }

  #emit(line: string): void {
    const text = line.trimEnd();
    if (text !== "") this.#tell(text);
  }
}
