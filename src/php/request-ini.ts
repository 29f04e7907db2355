// Settings of one request only: PHP_VALUE and PHP_ADMIN_VALUE, as a web server sends them with `fastcgi_param`.
// php-fpm changes its process for good by them (a known leak between requests); here they end with the request.

import { byteStringToBytes } from "../codec/index.ts";
import type { PhpModule } from "./glue.ts";

/** Who may change a setting (php-src Zend/zend_ini.h): a script, or nobody until the request ends. */
const INI_USER = 1;
const INI_SYSTEM = 4;

/** ZEND_INI_STAGE_ACTIVATE: changes made at this stage are undone when the request ends. */
const STAGE_ACTIVATE = 4;

/** A setting of one request. */
export interface RequestSetting {
  readonly name: string;
  readonly value: string;
  /** Whether the script may not change it (PHP_ADMIN_VALUE). */
  readonly admin: boolean;
}

/** Reads the settings of the params, in the order in which they count. */
export function requestSettings(variables: ReadonlyMap<string, string>): RequestSetting[] {
  const settings: RequestSetting[] = [];
  for (const [param, admin] of [
    ["PHP_VALUE", false],
    ["PHP_ADMIN_VALUE", true],
  ] as const) {
    for (const line of (variables.get(param) ?? "").split(/[\r\n]+/)) {
      const parts = /^\s*([\w.-]+)\s*=\s*(.*?)\s*$/.exec(line);
      if (parts?.[1] !== undefined) settings.push({ name: parts[1], value: iniValue(parts[2] ?? ""), admin });
    }
  }
  return settings;
}

/** The value that php.ini's grammar makes of a word: quotes go, switches become "1" and "". */
function iniValue(text: string): string {
  const quoted = /^(["'])(.*)\1$/.exec(text);
  if (quoted !== null) return quoted[2] ?? "";
  if (/^(on|yes|true)$/i.test(text)) return "1";
  if (/^(off|no|false|none|null)$/i.test(text)) return "";
  return text;
}

/**
 * Applies settings to the request that comes next.
 *
 * @returns false when this build of PHP does not export what it takes: then the prepended file must use `ini_set`
 */
export function applySettings(module: PhpModule, settings: readonly RequestSetting[]): boolean {
  const { zend_alter_ini_entry_chars_ex: alter, zend_strpprintf: makeString } = module.wasmExports;
  if (alter === undefined || makeString === undefined) return false;
  for (const { name, value, admin } of settings) {
    const pointer = copyTexts(module, name, value);
    // A PHP string out of a format without directives; the end of the request frees it with the rest.
    const string = makeString(0, pointer, 0);
    // Forced, as php-fpm does it: limits on uploads, which a script could not change in time, count too.
    const type = admin ? INI_SYSTEM : INI_USER;
    alter(string, pointer + name.length + 1, value.length, type, STAGE_ACTIVATE, 1);
    module.free(pointer);
  }
  return true;
}

/** Two byte strings, each ended by a NUL, in linear memory. */
function copyTexts(module: PhpModule, first: string, second: string): number {
  const bytes = byteStringToBytes(`${first}\0${second}\0`);
  const pointer = module.malloc(bytes.length);
  module.HEAPU8.set(bytes, pointer);
  return pointer;
}
