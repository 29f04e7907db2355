// Lays out WordPress on SQLite: Debian's packages and the plugin, no file of either changed, links replaced by what they
// lead to. What an owner of a site writes, wp-config.php and the gateway's configuration, is that of the example.

import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { rootCertificates } from "node:tls";
import { fileURLToPath } from "node:url";
import { unzipSync } from "fflate";

export const WORDPRESS_PACKAGES = [
  "wordpress",
  "wordpress-theme-twentytwentytwo",
  "wordpress-theme-twentytwentythree",
  // What WordPress links to.
  "php-getid3",
  "libjs-cropper",
  "libjs-underscore",
];

const CACHE = fileURLToPath(new URL("../../.cache/apps", import.meta.url));

const EXAMPLE = fileURLToPath(new URL("../../examples/wordpress", import.meta.url));
const GATEWAY = fileURLToPath(new URL("../../src/gateway/index.ts", import.meta.url));

/** The npm package that holds the plugin, and the plugin's archive in it. */
const CLI = { name: "@wp-playground/cli", version: "3.1.56", plugin: "package/sqlite-database-integration.zip" };

/** Longest wait for the registry, in milliseconds. */
const FETCH_WITHIN = 60_000;

/**
 * The archive of the SQLite plugin, from the cache or the npm registry.
 *
 * @throws {Error} it is in neither
 */
function sqlitePlugin(): Uint8Array {
  const path = join(CACHE, `sqlite-database-integration-${CLI.version}.zip`);
  if (!existsSync(path)) {
    mkdirSync(CACHE, { recursive: true });
    const work = mkdtempSync(join(CACHE, ".sqlite-"));
    try {
      const tarball = execFileSync("npm", ["pack", "--silent", `${CLI.name}@${CLI.version}`], {
        cwd: work,
        timeout: FETCH_WITHIN,
        encoding: "utf8",
        stdio: ["ignore", "pipe", "ignore"],
      }).trim();
      execFileSync("tar", ["-xzf", tarball, CLI.plugin], { cwd: work });
      renameSync(join(work, CLI.plugin), path);
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
  }
  return readFileSync(path);
}

export interface WordPressSite {
  /** The folder of the site: holds the configuration file. */
  readonly folder: string;
  /** The document root in it. */
  readonly root: string;
}

/**
 * @param tree where the packages are unpacked
 * @param folder an absent folder to fill
 * @param more lines of wp-config.php beside the example's
 */
export function layOutWordPress(tree: string, folder: string, more: readonly string[] = []): WordPressSite {
  const root = join(folder, "public");
  mkdirSync(root, { recursive: true });
  const share = join(tree, "usr/share/wordpress");
  cpSync(share, root, {
    recursive: true,
    dereference: true,
    // Links out of the package, and Debian's own way to several sites.
    filter: (path) => !/\/(?:\.htaccess|ca-bundle\.crt|wp-config\.php)$/.test(path),
  });
  writeFileSync(join(root, "wp-includes/certificates/ca-bundle.crt"), rootCertificates.join("\n"));
  const plugins = join(root, "wp-content/plugins");
  for (const [name, content] of Object.entries(unzipSync(sqlitePlugin()))) {
    if (name.endsWith("/")) continue;
    const path = join(plugins, name.replace(/^plugin-/, ""));
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
  }
  writeFileSync(join(root, "wp-content/db.php"), DROP_IN);
  // Names of cookies have a digest of the address in them, and the port is another one after each start here.
  const settings = readFileSync(join(EXAMPLE, "wp-config.php"), "utf8");
  const lines = ["<?php", "define('COOKIEHASH', 'site');", ...more, ""].join("\n");
  writeFileSync(join(root, "wp-config.php"), settings.replace("<?php\n", lines));
  mkdirSync(join(root, "wp-content/mu-plugins"));
  cpSync(join(EXAMPLE, "purge-cache.php"), join(root, "wp-content/mu-plugins/purge-cache.php"));
  // As the package would be found by its name.
  const config = readFileSync(join(EXAMPLE, "edge-fpm.config.ts"), "utf8");
  writeFileSync(join(folder, "edge-fpm.config.ts"), config.replace('"edge-fpm/gateway"', JSON.stringify(GATEWAY)));
  return { folder, root };
}

/**
 * The plugin is for WordPress 6.4 and later, Debian 12 has 6.1: the plugin asks for a property that came with 6.2. This
 * drop-in, in the place of the plugin's own, answers it; nothing else of the two does not fit.
 */
const DROP_IN = `<?php
define('SQLITE_DB_DROPIN_VERSION', '1.8.0');
const SQLITE_PLUGIN = __DIR__ . '/plugins/sqlite-database-integration';
require_once SQLITE_PLUGIN . '/wp-includes/database/version.php';
require_once SQLITE_PLUGIN . '/constants.php';
require_once SQLITE_PLUGIN . '/wp-includes/database/load.php';
require_once SQLITE_PLUGIN . '/wp-includes/sqlite/class-wp-sqlite-db.php';
require_once SQLITE_PLUGIN . '/wp-includes/sqlite/install-functions.php';

class Site_DB extends WP_SQLite_DB {
    public function __get($name) {
        return $name === 'allow_unsafe_unquoted_parameters' ? true : parent::__get($name);
    }
}

$GLOBALS['wpdb'] = new Site_DB(DB_NAME);
`;
