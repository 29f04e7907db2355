// .user.ini: settings of a folder of the application, as php-fpm reads them (php-src sapi/fpm/fpm/fpm_main.c,
// php_cgi_ini_activate_user_config): the files of the script's folder and of those above it, down from the document root.

import { type IniSetting, parseIniText } from "./ini-text.ts";

export interface UserIniRules {
  /** `user_ini.filename`. "": none is read. */
  readonly filename: string;
  /** `user_ini.cache_ttl`: how long what was read counts, in seconds. */
  readonly cacheTtl: number;
}

/** PHP's defaults. */
export const USER_INI_RULES: UserIniRules = { filename: ".user.ini", cacheTtl: 300 };

/** Folders remembered; the oldest goes first. */
const MOST_FOLDERS = 1000;

/** Longest file that is read, in bytes. */
const LONGEST_FILE = 256 * 1024;

interface Remembered {
  readonly expires: number;
  readonly settings: readonly IniSetting[];
}

/** The settings of the folders of one interpreter, read again when they are old. */
export class UserIni {
  readonly #rules: UserIniRules;
  readonly #read: (path: string) => string | undefined;
  readonly #folders = new Map<string, Remembered>();

  /** @param read the content of a file, or `undefined` when there is no file; both byte strings */
  constructor(rules: UserIniRules, read: (path: string) => string | undefined) {
    this.#rules = rules;
    this.#read = read;
  }

  /**
   * The settings for a script, those of nearer folders last.
   *
   * @param script its absolute path
   * @param documentRoot DOCUMENT_ROOT of the request, "" for none
   * @param now in milliseconds
   */
  settings(script: string, documentRoot: string, now: number): readonly IniSetting[] {
    if (this.#rules.filename === "") return [];
    const folder = script.slice(0, script.lastIndexOf("/"));
    const root = documentRoot.replace(/\/+$/, "");
    const known = this.#folders.get(folder);
    if (known !== undefined && now <= known.expires) return known.settings;
    const settings = foldersDown(folder, root).flatMap((path) => this.#settingsOf(`${path}/${this.#rules.filename}`));
    this.#folders.delete(folder);
    if (this.#folders.size >= MOST_FOLDERS) this.#folders.delete(this.#folders.keys().next().value ?? "");
    this.#folders.set(folder, { expires: now + this.#rules.cacheTtl * 1000, settings });
    return settings;
  }

  #settingsOf(path: string): readonly IniSetting[] {
    const text = this.#read(path);
    return text === undefined || text.length > LONGEST_FILE ? [] : parseIniText(text);
  }
}

/** From the document root to the folder; the folder alone when it lies elsewhere. */
function foldersDown(folder: string, root: string): string[] {
  if (root === "" || (folder !== root && !folder.startsWith(`${root}/`))) return [folder];
  const folders = [root];
  for (let at = folder.indexOf("/", root.length); at >= 0; ) {
    const next = folder.indexOf("/", at + 1);
    folders.push(next < 0 ? folder : folder.slice(0, next));
    at = next;
  }
  return folders;
}
