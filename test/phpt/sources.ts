// Debian's source package of PHP 8.2, fetched into the ignored .cache folder: the tests of php-src itself. The machine's own
// package lists are left alone.

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Where sources and outcomes are kept. */
export const CACHE = fileURLToPath(new URL("../../.cache/php-src", import.meta.url));

/** The unpacked sources. */
export const SOURCE_TREE = join(CACHE, "tree");

const MIRROR = "http://deb.debian.org";
const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";

/** Folders whose tests are run: the language itself, and the parts of the library that need no surroundings. */
export const FOLDERS: readonly string[] = [
  "tests/basic",
  "tests/lang",
  "tests/classes",
  "tests/output",
  "Zend/tests",
  "ext/standard/tests/array",
  "ext/standard/tests/strings",
  "ext/standard/tests/general_functions",
  "ext/standard/tests/url",
];

/** Whether the sources are here. */
export function haveSources(): boolean {
  return existsSync(join(SOURCE_TREE, "tests/basic"));
}

/** All tests, as paths below the tree. */
export function listTests(): string[] {
  return FOLDERS.flatMap((folder) =>
    readdirSync(join(SOURCE_TREE, folder), { recursive: true, encoding: "utf8" })
      .filter((path) => path.endsWith(".phpt"))
      .sort()
      .map((path) => `${folder}/${path}`),
  );
}

/** The version of PHP that the sources are of, such as "8.2.32". */
export function sourceVersion(): string {
  const header = readFileSync(join(SOURCE_TREE, "main/php_version.h"), "utf8");
  return /PHP_VERSION "([^"]+)"/.exec(header)?.[1] ?? "unknown";
}

/**
 * Fetches and unpacks the newest source package that the mirror still holds.
 *
 * @throws {Error} when no version can be fetched
 */
export function fetchSources(say: (line: string) => void): void {
  if (haveSources()) return;
  const options = aptOptions();
  say("reading Debian's list of source packages");
  execFileSync("apt-get", [...options, "update"], { stdio: "ignore" });
  const listing = execFileSync("apt-cache", [...options, "showsrc", "php8.2"], { encoding: "utf8" });
  const versions = [...listing.matchAll(/^Version: (.+)$/gm)].map((match) => match[1] ?? "");
  // A security update leaves the mirror soon; the older one of the release stays.
  const fetched = versions.reverse().find((version) => fetchVersion(options, version, say));
  if (fetched === undefined) throw new Error(`none of these could be fetched: ${versions.join(", ")}`);
  const archive = readdirSync(CACHE).find((name) => /^php8\.2_.*\.orig\.tar\.xz$/.test(name));
  if (archive === undefined) throw new Error(`no archive of the sources in ${CACHE}`);
  say(`unpacking ${archive}`);
  const fresh = `${SOURCE_TREE}.new`;
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(fresh, { recursive: true });
  execFileSync("tar", ["-xf", join(CACHE, archive), "-C", fresh, "--strip-components=1"]);
  renameSync(fresh, SOURCE_TREE);
}

function fetchVersion(options: readonly string[], version: string, say: (line: string) => void): boolean {
  try {
    say(`fetching php8.2 ${version}`);
    execFileSync("apt-get", [...options, "source", "--download-only", `php8.2=${version}`], {
      cwd: CACHE,
      stdio: "ignore",
    });
    return true;
  } catch {
    return false;
  }
}

/** Options that keep apt within our folder. */
function aptOptions(): string[] {
  const apt = join(CACHE, "apt");
  for (const part of ["lists/partial", "archives/partial"]) mkdirSync(join(apt, part), { recursive: true });
  const list = join(apt, "sources.list");
  const line = (path: string, suite: string) => `deb-src [signed-by=${KEYRING}] ${MIRROR}/${path} ${suite} main\n`;
  writeFileSync(list, line("debian-security", "bookworm-security") + line("debian", "bookworm"));
  return [
    `Dir::Etc::SourceList=${list}`,
    "Dir::Etc::SourceParts=/dev/null",
    `Dir::State::Lists=${join(apt, "lists")}`,
    `Dir::Cache=${apt}`,
    "APT::Sandbox::User=root",
  ].flatMap((option) => ["-o", option]);
}
