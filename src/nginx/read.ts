// A configuration with its includes put in their places. Files come in as functions: there may be no file system.

import { type Directive, NginxSyntaxError, parseNginx } from "./parse.ts";

/** Where files are. Names are absolute. */
export interface NginxFiles {
  /** @throws when it cannot be read */
  read(file: string): string;
  /** Files that match a pattern with `*`, `?` and `[...]`, sorted; a name without these as it is. */
  glob(pattern: string): readonly string[];
  /** An include's name made absolute: relative to the folder of the main file. */
  resolve(name: string): string;
}

/** Files that one configuration may include, and how deep: an include of itself ends here. */
const MAX_FILES = 2000;
const MAX_DEPTH = 20;

/** An include that could not be followed. */
export interface MissingInclude {
  readonly directive: Directive;
  readonly why: string;
}

/**
 * @param file the main file, absolute
 * @throws {NginxSyntaxError} in any of the files
 */
export function readNginx(
  file: string,
  files: NginxFiles,
): { readonly directives: Directive[]; readonly missing: readonly MissingInclude[] } {
  const missing: MissingInclude[] = [];
  let count = 0;
  const follow = (directives: readonly Directive[], depth: number): Directive[] =>
    directives.flatMap((one): Directive[] => {
      const [pattern] = one.args;
      if (one.name === "include" && one.block === undefined && pattern !== undefined)
        return include(one, pattern, depth);
      return [one.block === undefined ? one : { ...one, block: follow(one.block, depth) }];
    });
  const include = (directive: Directive, pattern: string, depth: number): Directive[] => {
    if (depth >= MAX_DEPTH) throw new NginxSyntaxError(directive.file, directive.line, "includes are nested too deep");
    const names = files.glob(files.resolve(pattern));
    return names.flatMap((name) => {
      if (++count > MAX_FILES) {
        throw new NginxSyntaxError(directive.file, directive.line, `more than ${MAX_FILES} files are included`);
      }
      let text: string;
      try {
        text = files.read(name);
      } catch (error) {
        missing.push({ directive, why: `${name} cannot be read: ${(error as Error).message}` });
        return [];
      }
      return follow(parseNginx(text, name), depth + 1);
    });
  };
  return { directives: follow(parseNginx(files.read(file), file), 0), missing };
}
