// A document root with everything in it that a visitor must not get.

import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll } from "vitest";
import { makeScratch } from "../../peers/scratch.ts";

/** Stands in every file that is not for visitors, and behind every link that leads out. */
export const SECRET = "SECRET-7f3a";

/** Tells what PHP was given. */
const SHOW = `<?php
header('Content-Type: application/json');
$keys = array_filter(array_keys($_SERVER), fn($name) => !str_starts_with($name, 'argv'));
$server = array_intersect_key($_SERVER, array_flip($keys));
echo json_encode(['server' => $server, 'env' => getenv('HTTP_PROXY'), 'body' => file_get_contents('php://input')],
  JSON_INVALID_UTF8_SUBSTITUTE | JSON_UNESCAPED_SLASHES);
`;

const PUBLIC: Readonly<Record<string, string>> = {
  "show.php": SHOW,
  "index.php": "<?php echo 'index';",
  "plain.txt": "plain",
  "picture.jpg": "<?php echo 'RAN';",
  "uploads/evil.txt": "<?php echo 'RAN';",
  ".well-known/security.txt": "contact",
  "folder.php/inside.txt": "inside",
  "100%25.txt": "percent",
  "really/inside.txt": "inside",
};

const HIDDEN: readonly string[] = [
  ".env",
  ".htpasswd",
  ".git/config",
  ".svn/entries",
  "sub/.env.local",
  ".well-known/.secret",
  "config.php.bak",
  "config.php~",
  ".config.php.swp",
  "config.php.swp",
  "config.php.orig",
  "config.php.save",
  "config.php.old",
  "config.php.dist",
  "config.inc",
  "config.inc.php~",
  "database.bak",
  "database.yml~",
  "#notes.txt#",
  "code.phtml",
  "code.phps",
  "code.php5",
  "code.phar",
  "Upper.PHP",
  "dot.php.",
  "space.php ",
  "stream.php::$DATA",
  "two.php.txt",
];

/** Makes the root; what lies beside it is out of bounds. Removed after the tests of the file. */
export function makeSecretSite(): string {
  const scratch = makeScratch("secrets");
  afterAll(() => scratch.remove());
  const root = join(scratch.path, "www");
  const write = (name: string, text: string) => {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), text);
  };
  for (const [name, text] of Object.entries(PUBLIC)) write(name, text);
  for (const name of HIDDEN) write(name, `<?php /* ${SECRET} */ echo 'RAN';`);
  write("../secret.txt", SECRET);
  write("../outside/page.txt", SECRET);
  write("../outside/run.php", `<?php echo '${SECRET}';`);
  write("../www-old/page.txt", SECRET);
  symlinkSync(join(root, "../secret.txt"), join(root, "link.txt"));
  symlinkSync("../../secret.txt", join(root, "really/relative.txt"));
  symlinkSync(join(root, "../outside"), join(root, "linked"));
  symlinkSync(join(root, "../outside/run.php"), join(root, "linked.php"));
  symlinkSync(join(root, "../www-old"), join(root, "old"));
  symlinkSync("/", join(root, "machine"));
  symlinkSync("linked", join(root, "twice"));
  symlinkSync("really", join(root, "within"));
  symlinkSync("circle", join(root, "circle"));
  return root;
}

export const hiddenNames = HIDDEN;
