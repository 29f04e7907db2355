// Lays out Debian's dokuwiki package so that nothing outside its folder must exist. No file of the package is changed;
// where Debian puts absolute links, the files themselves stand, and DokuWiki is told the places by its own constants.

import { createHash } from "node:crypto";
import { cpSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** The package, and the one whose code it loads at every request. Others serve feeds and coloured source code only. */
export const DOKUWIKI_PACKAGES = ["dokuwiki", "php-phpseclib"];

export const WIKI_USER = { name: "admin", password: "a password for the test" } as const;
export const WIKI_WRITER = { name: "ben", password: "another one" } as const;

export interface DokuWikiSite {
  /** The document root. */
  readonly root: string;
  /** php.ini settings that it needs. */
  readonly settings: Readonly<Record<string, string>>;
}

/** @param tree where the packages are unpacked @param root an absent folder to fill */
export function layOutDokuWiki(tree: string, root: string): DokuWikiSite {
  // What is not for visitors lies in a folder whose name begins with a dot, as web servers refuse those.
  const hidden = join(root, ".package");
  const lib = join(tree, "var/lib/dokuwiki/lib");
  cpSync(join(tree, "usr/share/dokuwiki"), root, {
    recursive: true,
    filter: (path) => !/\/usr\/share\/dokuwiki\/(lib\/(plugins|tpl)|\.htaccess[^/]*)$/.test(path),
  });
  cpSync(join(lib, "plugins"), join(root, "lib/plugins"), { recursive: true });
  cpSync(join(lib, "tpl"), join(root, "lib/tpl"), { recursive: true });
  cpSync(join(tree, "usr/share/php"), join(hidden, "php"), { recursive: true });
  cpSync(join(tree, "var/lib/dokuwiki/data"), join(hidden, "data"), { recursive: true });
  cpSync(join(tree, "etc/dokuwiki"), join(hidden, "conf"), {
    recursive: true,
    filter: (path) => !/\/(acl|users)\.auth\.php$/.test(path),
  });
  // What the package's set-up script asks for at installation; its installer page is then not wanted.
  rmSync(join(root, "install.php"), { force: true });
  const users = [
    `${WIKI_USER.name}:${sha1(WIKI_USER.password)}:The Admin:admin@example.test:admin,user`,
    `${WIKI_WRITER.name}:${sha1(WIKI_WRITER.password)}:Ben:ben@example.test:user`,
  ];
  writeFileSync(join(hidden, "conf/users.auth.php"), `${users.join("\n")}\n`);
  writeFileSync(join(hidden, "conf/acl.auth.php"), "*\t@ALL\t1\n*\t@user\t8\n");
  writeFileSync(join(hidden, "conf/local.php"), localConfig(hidden));
  const prepend = join(hidden, "prepend.php");
  writeFileSync(prepend, prependScript(hidden));
  return { root, settings: { auto_prepend_file: prepend } };
}

const sha1 = (text: string) => createHash("sha1").update(text).digest("hex");

/** With `securecookie` the server's port is part of the cookie's name, and a restart here changes the port. */
function localConfig(hidden: string): string {
  return `<?php
$conf['title'] = 'A wiki under test';
$conf['savedir'] = '${hidden}/data';
$conf['useacl'] = 1;
$conf['superuser'] = '@admin';
$conf['updatecheck'] = 0;
$conf['securecookie'] = 0;
`;
}

/**
 * DokuWiki leaves its places to whoever defines them first. Its list of libraries has absolute names of Debian's own, so
 * the one that is loaded at every request is loaded here, and marked as done in Composer's own way.
 */
function prependScript(hidden: string): string {
  return `<?php
define('DOKU_MAIN_CONF', '${hidden}/conf/');
define('DOKU_CONF', '${hidden}/conf/');
require '${hidden}/php/phpseclib/bootstrap.php';
require '${hidden}/php/phpseclib/autoload.php';
$GLOBALS['__composer_autoload_files']['decc78cc4436b1292c6c0d151b19445c'] = true;
`;
}
