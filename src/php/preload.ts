// `opcache.preload`. PHP refuses to preload as root unless it is told a user to become, or runs on a command line; here
// it believes to be root (the C library's geteuid() is a constant), there are no users (getpwnam() finds nobody) and
// nothing to protect from itself. So it is made to believe in the command line for the moment in which it asks.

import type { PhpModule } from "./glue.ts";

/** PHP 8.2 makes no exception for the command line. */
export function canPreload({ phpVersion: { major, minor } }: PhpModule): boolean {
  return major > 8 || (major === 8 && minor >= 3);
}

/** What php.ini needs for it: opcache is off on the command line otherwise. */
export function preloadIni(file: string): string {
  return `opcache.preload = "${file}"\nopcache.preload_user =\nopcache.enable_cli = 1\n`;
}

/** `name`, the first field of `sapi_module_struct` (php-src main/SAPI.h). */
const NAME = 0;
const COMMAND_LINE = "cli";

interface Files {
  open(path: string, ...rest: unknown[]): unknown;
}

/**
 * Renames the SAPI from the moment on in which PHP reads its php.ini: PHP_SAPI has its value by then, and opcache has
 * not looked yet.
 *
 * @returns gives the SAPI its name back; to be called when PHP has started
 */
export function pretendCommandLine(module: PhpModule, iniPath: string): () => void {
  const { sapi_module: sapi } = module.wasmExports;
  if (sapi === undefined) return () => {};
  const at = (typeof sapi === "number" ? sapi : Number(sapi.value)) + NAME;
  const files = module.FS as unknown as Files;
  const { open } = files;
  const name = module.malloc(COMMAND_LINE.length + 1);
  for (let i = 0; i < COMMAND_LINE.length; i++) module.HEAPU8[name + i] = COMMAND_LINE.charCodeAt(i);
  module.HEAPU8[name + COMMAND_LINE.length] = 0;
  let original = 0;
  files.open = (path, ...rest) => {
    if (path === iniPath && original === 0) {
      const view = new DataView(module.HEAPU8.buffer);
      original = view.getUint32(at, true);
      view.setUint32(at, name, true);
    }
    return open.call(files, path, ...rest);
  };
  return () => {
    files.open = open;
    if (original !== 0) new DataView(module.HEAPU8.buffer).setUint32(at, original, true);
  };
}
