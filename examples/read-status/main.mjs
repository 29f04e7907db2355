// Reads php-fpm's status page (`pm.status_path = /status` in the pool's configuration).
//
//     node main.mjs unix:/run/php/php8.2-fpm.sock

import { connect } from "edge-fpm/client";

const [target = "unix:/run/php/php8.2-fpm.sock", path = "/status"] = process.argv.slice(2);

const php = connect(target);
const response = await php.fetch(`${path}?json`);
if (!response.ok) throw new Error(`${path} answered ${response.status}: is pm.status_path set?`);
const status = await response.json();
await php.close();

console.log(`pool ${status.pool}, ${status["process manager"]}`);
console.log(
  `${status["active processes"]} active, ${status["idle processes"]} idle, ${status["listen queue"]} waiting`,
);
console.log(`${status["accepted conn"]} requests since ${new Date(status["start time"] * 1000).toISOString()}`);
