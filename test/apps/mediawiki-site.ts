// Lays out Debian's mediawiki package as a wiki on SQLite, in one folder: its installer is run by the PHP that serves
// it afterwards. No file of the package is changed; what it offers to change the installer is used.

import { appendFileSync, cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export const MEDIAWIKI_PACKAGES = ["mediawiki", "mediawiki-classes"];

export const WIKI_ADMIN = { name: "Admin", password: "a password for the test" } as const;

/** Runs a PHP script on the command line and gives what it wrote. Rejects when it fails. */
export type RunPhp = (args: readonly string[], cwd: string) => Promise<string>;

/**
 * The installer refuses SQLite without FTS3, which it would use for full-text search only. The package's own place for
 * changes to the installer (mw-config/overrides) is where that becomes the warning that the web installer gives.
 */
const OVERRIDE = `<?php
$overrides['CliInstaller'] = 'InstallerForAnySqlite';

class InstallerForAnySqlite extends CliInstaller {
	protected function envCheckDB() {
		parent::envCheckDB();
		return true;
	}
}
`;

/**
 * A wiki that can move to another port, takes uploads, and runs its jobs when it is told to. The packages of Debian's
 * archive are old: nothing may ask anybody for news.
 */
const SETTINGS = `
$wgServer = 'http://' . ( $_SERVER['HTTP_HOST'] ?? '127.0.0.1' );
$wgEnableUploads = true;
$wgUseImageMagick = false;
$wgJobRunRate = 0;
$wgCacheDirectory = __DIR__ . '/.data/cache';
$wgPingback = false;
`;

/** @param tree where the packages are unpacked @param root an absent folder to fill @returns what the installer wrote */
export async function installMediaWiki(tree: string, root: string, php: RunPhp): Promise<string> {
  const source = join(tree, "usr/share/mediawiki");
  // Debian's links lead to places of the machine; extensions are not needed, and a third of the whole.
  cpSync(source, root, {
    recursive: true,
    filter: (path) => !/\/usr\/share\/mediawiki\/(LocalSettings\.php|config|extensions(-core)?|images)$/.test(path),
  });
  const data = join(root, ".data");
  for (const folder of [join(root, "images"), join(root, "extensions"), join(data, "cache")]) {
    mkdirSync(folder, { recursive: true });
  }
  writeFileSync(join(root, "mw-config/overrides/AnySqlite.php"), OVERRIDE);
  const told = await php(
    [
      "maintenance/install.php",
      ...["--dbtype", "sqlite", "--dbpath", data, "--dbname", "wiki"],
      ...["--server", "http://127.0.0.1", "--scriptpath", "", "--lang", "en"],
      ...["--pass", WIKI_ADMIN.password, "A wiki under test", WIKI_ADMIN.name],
    ],
    root,
  );
  appendFileSync(join(root, "LocalSettings.php"), SETTINGS);
  return told;
}
