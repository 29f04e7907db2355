// A block of the configuration and the blocks around it: which directive is in force here.

import type { Directive } from "./parse.ts";
import type { Report } from "./report.ts";

export class Scope {
  readonly parent: Scope | undefined;
  readonly directives: readonly Directive[];
  readonly report: Report;

  constructor(parent: Scope | undefined, directives: readonly Directive[], report: Report) {
    this.parent = parent;
    this.directives = directives;
    this.report = report;
  }

  inside(block: readonly Directive[]): Scope {
    return new Scope(this, block, this.report);
  }

  /** Those written in this very block. */
  own(name: string): Directive[] {
    const found = this.directives.filter((one) => one.name === name);
    for (const one of found) this.report.take(one);
    return found;
  }

  /** Those in force: this block's, or when it has none the ones of the block around it. */
  all(name: string): Directive[] {
    const own = this.own(name);
    return own.length > 0 ? own : (this.parent?.all(name) ?? []);
  }

  one(name: string): Directive | undefined {
    return this.all(name).at(-1);
  }

  /** The first argument. */
  value(name: string): string | undefined {
    return this.one(name)?.args[0];
  }

  /** `on` or `off`; `undefined` when nobody says. */
  flag(name: string): boolean | undefined {
    const value = this.value(name);
    return value === undefined ? undefined : value === "on";
  }

  /** This block and those around it, the innermost first. */
  *chain(): Generator<Scope, void, undefined> {
    yield this;
    if (this.parent !== undefined) yield* this.parent.chain();
  }

  /** A value that `read` understands; one that it does not is left out. */
  measure(name: string, read: (text: string) => number | undefined): number | undefined {
    const directive = this.one(name);
    if (directive === undefined) return undefined;
    const value = read(directive.args[0] ?? "");
    if (value === undefined) this.report.leave("unsupported", directive, "its value is no fixed size or time");
    return value;
  }
}
