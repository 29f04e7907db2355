// A health check for php-fpm (`ping.path = /ping` in the pool's configuration): ends with 0 when it answers, else with 1.
//
//     node main.mjs tcp://127.0.0.1:9000

import { connect } from "edge-fpm/client";

const [target = "unix:/run/php/php8.2-fpm.sock", path = "/ping"] = process.argv.slice(2);

const php = connect(target);
try {
  const response = await php.fetch(path, { signal: AbortSignal.timeout(2000) });
  const answer = await response.text();
  console.log(`${response.status} ${answer}`);
  if (response.status !== 200 || answer !== "pong") process.exitCode = 1;
} catch (error) {
  console.error(`${error.code ?? error.name}: ${error.message}`);
  process.exitCode = 1;
}
await php.close();
