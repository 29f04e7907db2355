// Which versions of PHP can run here: one optional package each, found and loaded by name.

import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { PhpError } from "../../php/errors.ts";

/** Versions that there are packages for. */
export const PHP_VERSIONS = ["8.2", "8.3", "8.4", "8.5"] as const;
/** A version of PHP that there are packages for. */
export type PhpVersion = (typeof PHP_VERSIONS)[number];

/** Which one serves when nobody chose: the version with the longest use behind it that is not about to end comes first. */
const PREFERENCE: readonly PhpVersion[] = ["8.4", "8.5", "8.3", "8.2"];

/** The release of the packages that this release was tested with. */
export const PHP_PACKAGE_RELEASE = "3.1.56";

/** The npm package of a version, such as "@php-wasm/node-8-4". */
export function phpPackage(version: PhpVersion): string {
  return `@php-wasm/node-${version.replace(".", "-")}`;
}

/** The command that installs a version. */
export function phpInstallCommand(version: PhpVersion): string {
  return `npm install ${phpPackage(version)}@${PHP_PACKAGE_RELEASE}`;
}

/** Options of the functions that look for packages. */
export interface PhpLookup {
  /** Folder whose `node_modules` (and its parents') are searched besides those of edge-fpm itself. Default: cwd. */
  readonly from?: string;
}

/** Versions whose package is installed, oldest first. */
export function installedPhpVersions(lookup: PhpLookup = {}): PhpVersion[] {
  return PHP_VERSIONS.filter((version) => resolvePackage(version, lookup) !== undefined);
}

/**
 * The version that serves for `wanted`, or the best installed one when `wanted` is absent.
 *
 * @throws {PhpError} `PHP_UNKNOWN_VERSION` when there is no such version; `PHP_NOT_INSTALLED`, naming the command
 *   that installs it, when its package is missing
 */
export function choosePhpVersion(wanted?: string, lookup: PhpLookup = {}): PhpVersion {
  const installed = installedPhpVersions(lookup);
  if (wanted === undefined) {
    const best = PREFERENCE.find((version) => installed.includes(version));
    if (best === undefined) throw notInstalled(PREFERENCE[0] ?? "8.4", installed);
    return best;
  }
  const version = PHP_VERSIONS.find((known) => known === wanted);
  if (version === undefined) {
    const known = PHP_VERSIONS.join(", ");
    throw new PhpError("PHP_UNKNOWN_VERSION", `there is no PHP ${wanted} here; versions to choose from: ${known}`);
  }
  if (!installed.includes(version)) throw notInstalled(version, installed);
  return version;
}

function notInstalled(version: PhpVersion, installed: readonly PhpVersion[]): PhpError {
  const others = installed.length > 0 ? `installed: PHP ${installed.join(", ")}` : "no version of PHP is installed";
  const message = `PHP ${version} is not installed (${others}); install it with: ${phpInstallCommand(version)}`;
  return new PhpError("PHP_NOT_INSTALLED", message);
}

/**
 * URL of the module that holds the glue of a version: what a thread can import.
 *
 * @throws {PhpError} `PHP_NOT_INSTALLED`
 */
export function phpPackageUrl(version: PhpVersion, lookup: PhpLookup = {}): string {
  const path = resolvePackage(version, lookup);
  if (path === undefined) throw notInstalled(version, installedPhpVersions(lookup));
  return pathToFileURL(path).href;
}

function resolvePackage(version: PhpVersion, lookup: PhpLookup): string | undefined {
  const name = phpPackage(version);
  for (const base of [import.meta.url, pathToFileURL(`${lookup.from ?? process.cwd()}/`).href]) {
    try {
      const require = createRequire(base);
      // The entry of `import`, which `require.resolve` would not give: both files lie side by side.
      return require.resolve(name).replace(/index\.cjs$/, "index.js");
    } catch {
      // Not installed there: the next place.
    }
  }
  return undefined;
}
