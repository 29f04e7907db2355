// The same host over a web build, with nothing of Node: what the edge and the browser run.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { bootPhp } from "../../src/php/boot.ts";
import type { PhpGlue } from "../../src/php/glue.ts";

const folder = dirname(createRequire(import.meta.url).resolve("@php-wasm/web-8-4"));

/** The glue imports its own WebAssembly file, which only bundlers and workerd can do: that line goes. */
async function loadGlue(): Promise<{ glue: PhpGlue; wasm: Uint8Array<ArrayBuffer> }> {
  const source = readFileSync(join(folder, "jspi/php_8_4.js"), "utf8");
  const file =
    /import \w+ from '\.\/([^']+\.wasm)'/.exec(source)?.[1] ?? /from ['"]\.\/([^'"]+\.wasm)['"]/.exec(source)?.[1];
  if (file === undefined) throw new Error("the web build names no WebAssembly file");
  const script = source.replace(/^import (\w+) from .*\.wasm['"];?$/m, "const $1 = '';");
  const glue = (await import(`data:text/javascript,${encodeURIComponent(script)}`)) as PhpGlue;
  return { glue, wasm: new Uint8Array(readFileSync(join(folder, "jspi", file))) };
}

describe("a web build of PHP", () => {
  test("boots on the same host, from files in memory", async () => {
    const { glue, wasm } = await loadGlue();
    const host = await bootPhp({
      glue,
      runtimeName: "WEB",
      wasm: await WebAssembly.compile(wasm),
      files: new Map([
        [
          "/www/hello.php",
          "<?php require 'part.php'; flush(); error_log('logged'); echo file_get_contents('php://input');",
        ],
        ["/www/part.php", "<?php echo PHP_SAPI, ' ', opcache_get_status()['opcache_enabled'] ? 'cached ' : '';"],
        [
          "/www/net.php",
          "<?php var_dump(@file_get_contents('http://192.0.2.1/')); exec('ls', $o, $c); var_dump($c !== 0);",
        ],
      ]),
    });
    for (let i = 0; i < 3; i++) {
      let body = "";
      const log: string[] = [];
      const run = (script: string) =>
        host.run(
          { scriptFilename: script, params: [["REQUEST_METHOD", "POST"]], body: Uint8Array.of(0xe9, 0x00, 0xff) },
          {
            headers() {},
            stdout: (chunk) => {
              body += Buffer.from(chunk).toString("latin1");
            },
            stderr() {},
            log: (message) => log.push(message),
            finishRequest() {},
          },
        );
      await run("/www/hello.php");
      expect(body).toBe("fpm-fcgi cached \xe9\0\xff");
      expect(log).toEqual(["logged"]);
      body = "";
      await run("/www/net.php");
      expect(body).toBe("bool(false)\nbool(true)\n");
    }
  });
});
