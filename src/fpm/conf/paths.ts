// Relative paths of a configuration: php-fpm puts a prefix in front, by directive.

export interface Prefixes {
  /** `-p`, absolute. */
  readonly given?: string | undefined;
  /** Where php-fpm was installed, for everything but the next. Default `/usr`, Debian's. */
  readonly install?: string | undefined;
  /** For `pid` and `error_log`. Default `/var`. */
  readonly state?: string | undefined;
}

/** The path with the first prefix there is: the pool's, the given one, the installation's. */
export function fullPath(path: string, prefixes: Prefixes, poolPrefix?: string): string {
  return under(path, poolPrefix ?? prefixes.given ?? prefixes.install ?? "/usr");
}

/** The same for `pid` and `error_log`. */
export function statePath(path: string, prefixes: Prefixes): string {
  return under(path, prefixes.given ?? prefixes.state ?? "/var");
}

function under(path: string, prefix: string): string {
  return path.startsWith("/") || path === "" ? path : `${prefix.replace(/\/+$/, "")}/${path}`;
}

/** php.ini settings whose value is a path that gets the prefix (php-src sapi/fpm/fpm/fpm_php.h). */
export const PATH_SETTINGS: ReadonlySet<string> = new Set([
  "error_log",
  "extension_dir",
  "mime_magic.magicfile",
  "sendmail_path",
  "session.cookie_path",
  "session_pgsql.sem_file_name",
  "soap.wsdl_cache_dir",
  "uploadprogress.file.filename_template",
  "xdebug.output_dir",
  "xdebug.profiler_output_dir",
  "xdebug.trace_output_dir",
]);
