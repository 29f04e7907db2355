// What was taken from a configuration, and what was left out and why.

import type { Directive } from "./parse.ts";

/**
 * - `unsupported`: the gateway has nothing like it
 * - `decision`: there is something, but not the same: somebody has to look
 * - `meaningless`: it is about nginx itself; nothing is lost
 */
export type LeftOutKind = "unsupported" | "decision" | "meaningless";

/** A directive that was not taken, or not as it stands. */
export interface LeftOut {
  readonly kind: LeftOutKind;
  readonly file: string;
  readonly line: number;
  /** As written, in short. */
  readonly text: string;
  readonly why: string;
}

export class Report {
  readonly #seen = new Set<Directive>();
  readonly #left = new Set<Directive>();
  readonly #entries = new Map<string, LeftOut>();

  /** Notes that a directive has been looked at: nobody else need say anything about it. */
  take(directive: Directive): void {
    this.#seen.add(directive);
  }

  taken(directive: Directive): boolean {
    return this.#seen.has(directive);
  }

  /** Whether something was said of it. */
  left(directive: Directive): boolean {
    return this.#left.has(directive);
  }

  leave(kind: LeftOutKind, directive: Directive, why: string): void {
    this.take(directive);
    this.#left.add(directive);
    const { file, line } = directive;
    // What several locations inherit is said once.
    this.#entries.set(`${file}:${line}:${directive.name}:${why}`, { kind, file, line, text: textOf(directive), why });
  }

  /** In the order of files and lines. */
  entries(): LeftOut[] {
    return [...this.#entries.values()].sort((a, b) => (a.file === b.file ? a.line - b.line : a.file < b.file ? -1 : 1));
  }
}

/** A directive as it might have been written, on one line, without its block. */
export function textOf({ name, args, block }: Directive): string {
  const words = args.map((arg) => (arg === "" || /[\s;{}"']/.test(arg) ? JSON.stringify(arg) : arg));
  const text = [name, ...words].join(" ").replace(/[^\x20-\x7e\u00a0-\uffff]/g, " ");
  return `${text.length > 100 ? `${text.slice(0, 97)}...` : text}${block === undefined ? "" : " { ... }"}`;
}
