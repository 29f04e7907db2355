// The folder that a build writes to: claimed by a mark, so that no other folder is ever cleared by mistake, and written
// to only where something changed, so that watchers and uploads see what is new.

import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { ImageError } from "./errors.ts";

/** Says that the folder is ours, and keeps it out of version control. */
const MARK = ".gitignore";
const MARK_TEXT = "# Made by edge-fpm build.\n*\n";

export class OutputFolder {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  /**
   * Looks, without writing anything.
   *
   * @throws {ImageError} `IMAGE_OPTION` when the folder holds things that no build made
   */
  check(): void {
    const there = statSync(this.path, { throwIfNoEntry: false });
    if (there === undefined) return;
    if (!there.isDirectory()) throw new ImageError("IMAGE_OPTION", `${this.path} is a file; choose another --out`);
    const mark = join(this.path, MARK);
    const ours = existsSync(mark) && readFileSync(mark, "utf8") === MARK_TEXT;
    if (ours || readdirSync(this.path).length === 0) return;
    throw new ImageError("IMAGE_OPTION", `${this.path} holds files that no build made; choose another --out`);
  }

  /** Makes the folder ours. Throws as `check` does. */
  claim(): void {
    this.check();
    mkdirSync(this.path, { recursive: true });
    writeFileSync(join(this.path, MARK), MARK_TEXT);
  }

  /** A file of the build before, if there was one. */
  read(name: string): Uint8Array<ArrayBuffer> | undefined {
    const path = join(this.path, name);
    return existsSync(path) ? new Uint8Array(readFileSync(path)) : undefined;
  }

  /** Writes one file. Returns its path. */
  file(name: string, content: string | Uint8Array): string {
    const path = join(this.path, name);
    const bytes = Buffer.from(content);
    if (!existsSync(path) || !readFileSync(path).equals(bytes)) writeFileSync(path, bytes);
    return path;
  }

  /** Makes a folder hold exactly these files. */
  write(folder: string, files: Readonly<Record<string, string | Uint8Array>>): void {
    mkdirSync(join(this.path, folder), { recursive: true });
    this.#clear(folder, new Set(Object.keys(files)));
    for (const [name, content] of Object.entries(files)) this.file(join(folder, name), content);
  }

  /** Makes a folder hold exactly copies of these files, by relative path. */
  copy(folder: string, sources: ReadonlyMap<string, string>): void {
    mkdirSync(join(this.path, folder), { recursive: true });
    this.#clear(folder, new Set(sources.keys()));
    for (const [name, source] of sources) {
      const target = join(this.path, folder, name);
      const { size, mtimeMs, mtime } = statSync(source);
      const there = statSync(target, { throwIfNoEntry: false });
      if (there?.size === size && Math.abs(there.mtimeMs - mtimeMs) < 1) continue;
      mkdirSync(dirname(target), { recursive: true });
      copyFileSync(source, target);
      utimesSync(target, mtime, mtime);
    }
  }

  /** Removes what is not among `wanted`, and what stands where a folder or a file of them must be. */
  #clear(folder: string, wanted: ReadonlySet<string>): void {
    const folders = new Set<string>();
    for (const name of wanted) {
      for (let at = name.lastIndexOf("/"); at > 0; at = name.lastIndexOf("/", at - 1)) folders.add(name.slice(0, at));
    }
    const walk = (below: string): void => {
      for (const entry of readdirSync(join(this.path, folder, below), { withFileTypes: true })) {
        const name = below === "" ? entry.name : `${below}/${entry.name}`;
        if (entry.isDirectory() && folders.has(name)) walk(name);
        else if (entry.isDirectory() || !wanted.has(name)) {
          rmSync(join(this.path, folder, name), { recursive: true, force: true });
        }
      }
    };
    walk("");
  }
}
