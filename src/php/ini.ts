// php.ini of the resident interpreters: our defaults, then the user's, then what the host cannot do without.

import { type IniSetting, parseIniText } from "./ini-text.ts";
import { LOCKS_PATH } from "./own-files.ts";
import { USER_INI_RULES, type UserIniRules } from "./user-ini.ts";

/**
 * Our defaults, near php.ini-production: errors go to the log and not into the page. Opcache keeps the compiled
 * scripts in 24 MB, which holds WordPress nearly whole; `revalidate_freq = 0` shows every edit at the next request. A
 * fiber's stack takes real memory here, where a native one takes addresses: half of PHP's 1 MB for 32 bits. Time is what the
 * clock shows, waits included: `hard_timeout` would end a child whose script waits for a server and cannot heed its limit yet.
 */
const DEFAULTS = `
display_errors = 0
display_startup_errors = 0
log_errors = 1
html_errors = 0
error_reporting = E_ALL
register_argc_argv = 0
variables_order = "GPCS"
request_order = "GP"
default_charset = "UTF-8"
memory_limit = 128M
post_max_size = 64M
upload_max_filesize = 64M
max_execution_time = 0
hard_timeout = 0
session.use_strict_mode = 1
session.gc_maxlifetime = 1440
date.timezone = "UTC"
fiber.stack_size = 512K
opcache.enable = 1
opcache.memory_consumption = 24
opcache.interned_strings_buffer = 6
opcache.max_accelerated_files = 4000
opcache.validate_timestamps = 1
opcache.revalidate_freq = 0
opcache.file_update_protection = 0
`;

/**
 * What must hold whatever the user wrote. Output goes out at PHP's own flushes; opcache cannot compile to machine code
 * here, and keeps its lock file in memory.
 */
const FIXED = `
implicit_flush = 0
opcache.jit = disable
opcache.jit_buffer_size = 0
opcache.lockfile_path = ${LOCKS_PATH}
opcache.preload =
enable_dl = 0
`;

/**
 * Of a run on the command line: what PHP itself sets there (php-src sapi/cli/php_cli.c) is left to it, and nobody is
 * served that must not see errors. Distributions give such runs all the memory there is; here that is 2 GB for everything.
 */
const COMMAND_LINE_DEFAULTS = `
memory_limit = 1G
hard_timeout = 0
date.timezone = "UTC"
fiber.stack_size = 512K
`;

const COMMAND_LINE_FIXED = `
opcache.jit = disable
opcache.jit_buffer_size = 0
opcache.lockfile_path = ${LOCKS_PATH}
enable_dl = 0
`;

/** Parts of a php.ini. Later parts win over earlier ones. */
export interface IniParts {
  /** The platform's settings: directories for sessions and uploads, the CA file. */
  readonly platform?: Readonly<Record<string, string | number>>;
  /** Text of the user's php.ini. */
  readonly text?: string;
  /** Single settings of the user, such as `php_value[...]` of a pool: scripts may change them. */
  readonly settings?: Readonly<Record<string, string | number | boolean>>;
  /** Settings that neither scripts nor .user.ini may change: `php_admin_value[...]` of a pool. */
  readonly adminSettings?: Readonly<Record<string, string | number | boolean>>;
}

/** A php.ini, and what the host must do itself because it needs the setting for its own purpose. */
export interface Ini {
  readonly text: string;
  /** The user's own `auto_prepend_file`, "" for none: the host's prepended file includes it. */
  readonly prependFile: string;
  /** The user's `opcache.preload`, "" for none: off in `text`, since the build must be able to. */
  readonly preload: string;
  /** Settings to lock at every request. */
  readonly adminValues: readonly IniSetting[];
  readonly userIni: UserIniRules;
  /** "" when nothing is said. */
  readonly sendmailPath: string;
}

/** Settings that count when PHP starts, or that the host keeps for itself: a request cannot change them anyway. */
const AT_START = new Set(["disable_functions", "disable_classes", "auto_prepend_file", "extension", "zend_extension"]);

/** Where the host's own prepended file lies in the interpreter's file system. */
export const PREPEND_PATH = "/internal/shared/edge-fpm.php";

/** What scripts may reach whatever `open_basedir` says: the prepended file, or nothing would run, and Node's temporary files. */
const OWN_FOLDERS = "/internal/shared:/internal/pool/tmp:/internal/pool/uploads";

/** `open_basedir` with our own folders; "" is no limit. */
export function openBasedir(value: string): string {
  return value === "" ? "" : `${value}:${OWN_FOLDERS}`;
}

/** Puts a php.ini together. */
export function buildIni(parts: IniParts): Ini {
  const admin = lines(parts.adminSettings ?? {});
  const user = `[PHP]\n${DEFAULTS}${lines(parts.platform ?? {})}\n${parts.text ?? ""}\n[PHP]\n${lines(parts.settings ?? {})}${admin}`;
  // PHP's own flush() cannot be seen from outside, and its gethostbyname() cannot say "unknown": the prepended file brings
  // others that ask the host.
  const disabled = [
    "flush",
    "gethostbyname",
    "gethostbynamel",
    ...lastValue(user, "disable_functions")
      .split(/[ ,]+/)
      .filter((name) => name !== ""),
  ];
  const basedir = openBasedir(lastValue(user, "open_basedir"));
  return {
    text: `${user}\n${FIXED}auto_prepend_file = ${PREPEND_PATH}\ndisable_functions = "${disabled.join(",")}"\nopen_basedir = "${basedir}"\n`,
    prependFile: lastValue(user, "auto_prepend_file"),
    preload: lastValue(user, "opcache.preload"),
    adminValues: parseIniText(admin).filter(({ name }) => !AT_START.has(name)),
    sendmailPath: lastValue(user, "sendmail_path"),
    userIni: {
      filename: lastValue(user, "user_ini.filename", USER_INI_RULES.filename),
      cacheTtl: numberOr(lastValue(user, "user_ini.cache_ttl"), USER_INI_RULES.cacheTtl),
    },
  };
}

/** php.ini for a run on the command line: no prepended file, nothing locked. */
export function buildCommandLineIni(parts: IniParts): string {
  return `[PHP]\n${COMMAND_LINE_DEFAULTS}${lines(parts.platform ?? {})}\n${parts.text ?? ""}\n[PHP]\n${lines(parts.settings ?? {})}${COMMAND_LINE_FIXED}`;
}

/** `sendmail_path` of a php.ini, "" when it says nothing. */
export function sendmailPathOf({ text = "", settings = {} }: Pick<IniParts, "text" | "settings">): string {
  return lastValue(`[PHP]\n${text}\n[PHP]\n${lines(settings)}`, "sendmail_path");
}

/** Whether `cgi.fix_pathinfo` is on, PHP's default. The build does not know the setting itself: it is the host's. */
export function fixesPathInfo(parts: IniParts): boolean {
  const cgi = "cgi.fix_pathinfo";
  const single = parts.adminSettings?.[cgi] ?? parts.settings?.[cgi];
  const value = single === undefined ? lastValue(parts.text ?? "", cgi) : String(single);
  return !/^(0|off|no|false)$/i.test(value);
}

function lines(settings: Readonly<Record<string, string | number | boolean>>): string {
  let text = "";
  for (const [name, value] of Object.entries(settings)) text += `${name} = ${quote(value)}\n`;
  return text;
}

/** A value that `parse_ini` reads back as it is. Numbers with units and constants stay bare, so that they count. */
function quote(value: string | number | boolean): string {
  if (typeof value === "boolean") return value ? "1" : "0";
  const text = String(value);
  return /^[\w./:~&|^ -]*$/.test(text)
    ? /^[\w.]*$/.test(text)
      ? text
      : `"${text}"`
    : `"${text.replace(/["\\]/g, "\\$&")}"`;
}

function numberOr(text: string, otherwise: number): number {
  return /^\d+$/.test(text) ? Number(text) : otherwise;
}

/** The last value of a setting in the text of a php.ini. */
function lastValue(text: string, name: string, otherwise = ""): string {
  let value = otherwise;
  for (const [, found] of text.matchAll(new RegExp(`^[ \\t]*${name}[ \\t]*=[ \\t]*(.*)$`, "gm"))) {
    value = (found ?? "").trim();
  }
  const quoted = /^(["'])(.*?)\1/.exec(value);
  const bare = quoted ? (quoted[2] ?? "") : value.replace(/[ \t]*;.*$/, "");
  return bare === "none" ? "" : bare;
}
