// What `edge-fpm fpm -v`, `-m` and `-i` tell: asked of PHP itself, in one child that runs one script.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Arguments } from "./command.ts";
import { CliError } from "./failure.ts";
import { startPool } from "./pool.ts";
import { version } from "./version.ts";

/** php-fpm's three lines, with our own name in the first. */
const VERSION = `<?php
printf("PHP %s (fpm-fcgi), edge-fpm %s\\nCopyright (c) The PHP Group\\nZend Engine v%s\\n", PHP_VERSION, $_SERVER['EDGE_FPM'], zend_version());
if (extension_loaded('Zend OPcache')) printf("    with Zend OPcache v%s\\n", phpversion('Zend OPcache'));
`;

const MODULES = `<?php
$list = fn ($names) => natcasesort($names) ? implode("\\n", $names) : '';
echo "[PHP Modules]\\n", $list(get_loaded_extensions()), "\\n\\n[Zend Modules]\\n", $list(get_loaded_extensions(true)), "\\n\\n";
`;

/** phpinfo() writes HTML to a web server; php-fpm -i writes its text form. */
const INFO = `<?php
ob_start();
phpinfo();
$page = preg_replace('~^.*<body>|<style.*?</style>|</body>.*$~s', '', ob_get_clean());
$page = preg_replace('~</t[dh]>\\s*<t[dh][^>]*>~', ' => ', $page);
$page = preg_replace('~<(h1|h2|/tr|/table|hr|br)[^>]*>~', "\\n", $page);
$text = html_entity_decode(strip_tags($page), ENT_QUOTES | ENT_HTML5);
echo "phpinfo()\\n", preg_replace('~[ \\t]+$~m', '', preg_replace("~\\n{3,}~", "\\n\\n", $text)), "\\n";
`;

/** Prints what was asked for; false when nothing was. */
export async function printInfo(args: Arguments): Promise<boolean> {
  const script = args.flag("version") ? VERSION : args.flag("modules") ? MODULES : args.flag("info") ? INFO : undefined;
  if (script === undefined) return false;
  const folder = mkdtempSync(join(tmpdir(), "edge-fpm-info-"));
  try {
    const file = join(folder, "info.php");
    writeFileSync(file, script);
    process.stdout.write(await answer(args, folder, file));
    return true;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function answer(args: Arguments, folder: string, file: string): Promise<string> {
  const { pool, exchange } = await startPool(args, [folder], { children: 1, quiet: true });
  const chunks: Uint8Array[] = [];
  try {
    const params = Object.entries({
      GATEWAY_INTERFACE: "CGI/1.1",
      SERVER_PROTOCOL: "HTTP/1.1",
      REQUEST_METHOD: "GET",
      SCRIPT_FILENAME: file,
      SCRIPT_NAME: "/info.php",
      EDGE_FPM: version(),
    });
    await exchange(
      { role: "responder", params },
      {
        stdout: (chunk) => {
          chunks.push(chunk.slice());
        },
        stderr: () => {},
      },
      AbortSignal.timeout(60_000),
    );
  } finally {
    await pool.terminate();
  }
  const text = Buffer.concat(chunks).toString("utf8");
  const end = text.indexOf("\r\n\r\n");
  if (end === -1 || /^Status: [45]/m.test(text.slice(0, end))) throw new CliError(`PHP gave no answer: ${text}`);
  return text.slice(end + 4);
}
