// Which files of a folder are the application: ignore rules, secrets, symbolic links, limits. Node's side.

import { lstatSync, readdirSync, readFileSync, realpathSync, type Stats, statSync } from "node:fs";
import { join, sep } from "node:path";
import createIgnore, { type Ignore } from "ignore";
import { ImageError } from "./errors.ts";
import { isKeyFile, isSecret, NEVER_DEPLOYED } from "./never-deployed.ts";

/** Name of the file with an application's own rules, in its top folder; the patterns are those of .gitignore. */
export const IGNORE_FILE = ".edgefpmignore";

/** A regular file to deploy. */
export interface ApplicationFile {
  /** Relative to the application's folder, with slashes. */
  readonly path: string;
  /** Where to read it: absolute, links resolved. */
  readonly source: string;
  /** Bytes. */
  readonly size: number;
  /** Milliseconds since 1970. */
  readonly modified: number;
  /** Whether an .htaccess file forbids its folder to visitors. */
  readonly denied: boolean;
}

export interface Application {
  /** Sorted by path. */
  readonly files: readonly ApplicationFile[];
  /** Paths of all folders, sorted: scripts may count on empty ones. */
  readonly directories: readonly string[];
  /** What was left out because it looks like a secret, sorted. */
  readonly secrets: readonly string[];
  /** Symbolic links that lead nowhere, to themselves, or to a folder that they lie in: left out. Sorted. */
  readonly dangling: readonly string[];
  /** How many files and folders the rules left out. */
  readonly ignored: number;
}

export interface ApplicationLimits {
  /** Files. Deployed as assets, 20,000 are what the free plan takes. */
  readonly files: number;
  /** Bytes of one file: it must fit the isolate beside PHP when it is read. */
  readonly fileBytes: number;
  /** Bytes of all files, before compression. */
  readonly totalBytes: number;
}

export const APPLICATION_LIMITS: ApplicationLimits = {
  files: 20_000,
  fileBytes: 64 * 1024 * 1024,
  totalBytes: 512 * 1024 * 1024,
};

export interface CollectOptions {
  /** More patterns, after those of the ignore file. */
  readonly ignore?: readonly string[];
  /** Folders outside that symbolic links may lead to. */
  readonly linked?: readonly string[];
  readonly limits?: Partial<ApplicationLimits>;
}

/**
 * Finds the files of an application.
 *
 * @param root its folder
 * @throws {ImageError} `IMAGE_LINK` for a symbolic link that leads out; `IMAGE_NAME` for a name
 *   that is not UTF-8; `IMAGE_LIMIT` for too many or too large files
 */
export function collectApplication(root: string, options: CollectOptions = {}): Application {
  const collector = new Collector(root, options);
  collector.folder("", realpathSync(root), [], false);
  return collector.result();
}

class Collector {
  readonly #files: ApplicationFile[] = [];
  readonly #directories: string[] = [];
  readonly #secrets: string[] = [];
  readonly #dangling: string[] = [];
  #ignored = 0;
  #bytes = 0;
  readonly #rules: Ignore;
  /** The patterns that the application's author wrote: one that says `!name` overrules what looks like a secret. */
  readonly #own: Ignore;
  readonly #inside: readonly string[];
  readonly #limits: ApplicationLimits;

  constructor(root: string, options: CollectOptions) {
    const own = [...ignoreFile(root), ...(options.ignore ?? [])];
    this.#rules = createIgnore()
      .add([...NEVER_DEPLOYED])
      .add(own);
    this.#own = createIgnore().add(own);
    this.#inside = [root, ...(options.linked ?? [])].map((path) => realpathSync(path));
    this.#limits = { ...APPLICATION_LIMITS, ...options.limits };
  }

  /** @param above the real paths of the folders it lies in, for links in a circle */
  folder(path: string, source: string, above: readonly string[], deniedAbove: boolean): void {
    const names = readNames(path, source);
    const denied = deniedAbove || (names.includes(".htaccess") && forbidsVisitors(join(source, ".htaccess")));
    for (const name of names) {
      const child = path === "" ? name : `${path}/${name}`;
      const stats = lstatSync(join(source, name));
      if (stats.isSymbolicLink()) {
        // A link that is ignored may lead anywhere.
        if (this.#isIgnored(child, false)) continue;
        const target = this.#target(child, join(source, name));
        if (target === undefined || target === source || above.includes(target)) this.#dangling.push(child);
        else this.#entry(child, target, statSync(target), [...above, source], denied);
      } else {
        this.#entry(child, join(source, name), stats, [...above, source], denied);
      }
    }
  }

  result(): Application {
    return {
      files: this.#files,
      directories: this.#directories,
      secrets: this.#secrets,
      dangling: this.#dangling,
      ignored: this.#ignored,
    };
  }

  #entry(path: string, source: string, stats: Stats, above: readonly string[], denied: boolean): void {
    if (stats.isDirectory()) {
      if (this.#isIgnored(path, true)) return;
      this.#directories.push(path);
      this.folder(path, source, above, denied);
      return;
    }
    // Sockets, pipes and devices are not part of an application.
    if (!stats.isFile()) return;
    if (this.#isSecret(path, source)) {
      this.#secrets.push(path);
      return;
    }
    if (this.#isIgnored(path, false)) return;
    this.#count(path, stats.size);
    this.#files.push({ path, source, size: stats.size, modified: Math.floor(stats.mtimeMs), denied });
  }

  #isIgnored(path: string, directory: boolean): boolean {
    if (!this.#rules.ignores(directory ? `${path}/` : path)) return false;
    this.#ignored++;
    return true;
  }

  #isSecret(path: string, source: string): boolean {
    if (this.#own.test(path).unignored) return false;
    if (isSecret(path)) return true;
    return isKeyFile(path) && readFileSync(source, "latin1").includes("PRIVATE KEY-----");
  }

  #count(path: string, size: number): void {
    const { files, fileBytes, totalBytes } = this.#limits;
    const remedy = `name what is not needed in ${IGNORE_FILE}`;
    if (size > fileBytes) {
      throw new ImageError("IMAGE_LIMIT", `${path} has ${size} bytes, more than ${fileBytes} for one file; ${remedy}`);
    }
    this.#bytes += size;
    if (this.#bytes > totalBytes) {
      throw new ImageError("IMAGE_LIMIT", `more than ${totalBytes} bytes of files, reached at ${path}; ${remedy}`);
    }
    if (this.#files.length >= files) {
      throw new ImageError("IMAGE_LIMIT", `more than ${files} files, reached at ${path}; ${remedy}`);
    }
  }

  /** Where a link leads; `undefined` for nowhere. */
  #target(path: string, link: string): string | undefined {
    let target: string;
    try {
      target = realpathSync(link);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "ENOENT" || code === "ENOTDIR" || code === "ELOOP") return undefined;
      throw new ImageError("IMAGE_LINK", `${path} is a symbolic link that cannot be followed (${code})`, {
        cause: error,
      });
    }
    if (this.#inside.some((folder) => target === folder || target.startsWith(folder + sep))) return target;
    throw new ImageError(
      "IMAGE_LINK",
      `${path} is a symbolic link out of the application, to ${target}; name it in ${IGNORE_FILE}, or allow its folder with --linked`,
    );
  }
}

function ignoreFile(root: string): string[] {
  try {
    return readFileSync(join(root, IGNORE_FILE), "utf8").split(/\r?\n/);
  } catch {
    return [];
  }
}

/** Names in a folder, in an order that no machine's settings change. */
function readNames(path: string, source: string): string[] {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  return readdirSync(source, { encoding: "buffer" })
    .map((bytes) => {
      try {
        return decoder.decode(bytes);
      } catch (cause) {
        const name = JSON.stringify(bytes.toString("latin1"));
        throw new ImageError("IMAGE_NAME", `${path === "" ? "the application" : path} holds ${name}: not UTF-8`, {
          cause,
        });
      }
    })
    .sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
}

/** Whether an .htaccess file turns every visitor away, as many applications do it for their data and code. */
function forbidsVisitors(path: string): boolean {
  const text = readFileSync(path, "latin1").replace(/<(Files|FilesMatch)\b[^>]*>[\s\S]*?<\/\1>/gi, "");
  return /^[ \t]*(?:Require\s+all\s+denied|Deny\s+from\s+all)\b/im.test(text);
}
