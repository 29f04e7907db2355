// Clears the opcache of a running php-fpm, as after a deployment: only a script inside php-fpm can. The script is made for
// the moment, under a name that nobody can guess; `folder` must be readable to php-fpm's user.
//
//     node main.mjs unix:/run/php/php8.2-fpm.sock /tmp

import { randomUUID } from "node:crypto";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { connect } from "edge-fpm/client";

const [target = "unix:/run/php/php8.2-fpm.sock", folder = "/tmp"] = process.argv.slice(2);

const scriptFilename = join(folder, `opcache-reset-${randomUUID()}.php`);
const php = connect(target);
writeFileSync(
  scriptFilename,
  "<?php echo function_exists('opcache_reset') && opcache_reset() ? 'cleared' : 'no opcache';",
);
try {
  const response = await php.fetch("/", { scriptFilename });
  const answer = await response.text();
  console.log(answer);
  if (answer !== "cleared") process.exitCode = 1;
} finally {
  rmSync(scriptFilename);
  await php.close();
}
