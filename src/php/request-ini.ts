// Settings of one request only: PHP_VALUE and PHP_ADMIN_VALUE, as a web server sends them with `fastcgi_param`, those of
// .user.ini, and the pool's own that a script must not change.
// php-fpm changes its process for good by them (a known leak between requests); here they end with the request.

import { byteStringToBytes } from "../codec/index.ts";
import type { PhpModule } from "./glue.ts";
import { openBasedir } from "./ini.ts";
import { type IniSetting, parseIniText } from "./ini-text.ts";

/** Who may change a setting (php-src Zend/zend_ini.h): a script, a folder's file, or nobody until the request ends. */
const INI_USER = 1;
const INI_PERDIR = 2;
const INI_SYSTEM = 4;

/** ZEND_INI_STAGE_ACTIVATE: changes made at this stage are undone when the request ends. */
const STAGE_ACTIVATE = 4;

/** ZEND_INI_STAGE_HTACCESS: the stage of a folder's settings. */
const STAGE_HTACCESS = 32;

/** Who gave a setting, and so who may still change it. */
export type SettingSource =
  /** PHP_VALUE: a script may change it, and so may .user.ini. */
  | "value"
  /** PHP_ADMIN_VALUE, or `php_admin_value` of the pool: nobody may change it. */
  | "admin"
  /** .user.ini: it may set what a folder may set, and nothing that an admin has set. */
  | "folder";

/** A setting of one request. */
export interface RequestSetting extends IniSetting {
  readonly source: SettingSource;
}

/** Reads the settings of the params, in the order in which they count. */
export function requestSettings(variables: ReadonlyMap<string, string>): RequestSetting[] {
  const variable = (name: string) => variables.get(name) ?? "";
  return [
    ...parseIniText(variable("PHP_VALUE"), variable).map((setting) => ({ ...setting, source: "value" as const })),
    ...parseIniText(variable("PHP_ADMIN_VALUE"), variable).map((setting) => ({ ...setting, source: "admin" as const })),
  ];
}

/**
 * Applies settings to the request that comes next.
 *
 * @returns false when this build of PHP does not export what it takes: then the prepended file must use `ini_set`
 */
export function applySettings(module: PhpModule, settings: readonly RequestSetting[]): boolean {
  const { zend_alter_ini_entry_chars_ex: alter, zend_strpprintf: makeString } = module.wasmExports;
  if (alter === undefined || makeString === undefined) return false;
  for (const { name, value: given, source } of settings) {
    const value = name === "open_basedir" ? openBasedir(given) : given;
    const pointer = copyTexts(module, name, value);
    // A PHP string out of a format without directives; the end of the request frees it with the rest.
    const string = makeString(0, pointer, 0);
    const at = pointer + name.length + 1;
    if (source === "folder") {
      alter(string, at, value.length, INI_PERDIR, STAGE_HTACCESS, 0);
    } else {
      // Forced, as php-fpm does it: limits on uploads, which a script could not change in time, count too.
      alter(string, at, value.length, source === "admin" ? INI_SYSTEM : INI_USER, STAGE_ACTIVATE, 1);
    }
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
