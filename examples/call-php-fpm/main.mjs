// Runs a PHP script in php-fpm, without a web server. On Node, Deno and Bun:
//
//     node main.mjs unix:/run/php/php8.2-fpm.sock /var/www/html/index.php

import { connect } from "edge-fpm/client";

const [target = "unix:/run/php/php8.2-fpm.sock", scriptFilename = "/var/www/html/index.php"] = process.argv.slice(2);

const php = connect(target);
const { response, end } = await php.request("http://localhost/?name=JavaScript", {
  method: "POST",
  body: new URLSearchParams({ greeting: "hello" }),
  scriptFilename,
});
console.log(response.status, response.headers.get("content-type"));
console.log(await response.text());

const { stderr } = await end;
if (stderr !== "") console.error(stderr);
await php.close();
