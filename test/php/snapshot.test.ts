// Memory brought back in place, on the build of PHP that the edge and the browser run.

import { deflateRawSync, inflateRawSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { buildPhpImage } from "../../src/image/php-image.ts";
import { bootPhp } from "../../src/php/boot.ts";
import type { PhpGlue, PhpModule } from "../../src/php/glue.ts";
import { PhpHost } from "../../src/php/host.ts";
import { MemorySnapshot } from "../../src/php/snapshot.ts";
import { Suspensions } from "../../src/php/suspensions.ts";

const SCRIPTS = new Map([
  ["/www/hello.php", "<?php echo 'hello ', bin2hex(random_bytes(4)), mt_rand();"],
  ["/www/trap.php", "<?php ini_set('zend.max_allowed_stack_size', '-1'); function r() { array_map('r', [1]); } r();"],
  ["/www/sleep.php", "<?php usleep(200000); echo 'woke';"],
]);

async function boot() {
  const image = await buildPhpImage();
  const glue = (await import(`data:text/javascript,${encodeURIComponent(image.glue)}`)) as PhpGlue;
  const suspensions = new Suspensions();
  let module: PhpModule | undefined;
  const host = await bootPhp({
    glue: { init: (name, options) => suspensions.watch(() => glue.init(name, options)) },
    runtimeName: "WEB",
    wasm: await WebAssembly.compile(image.wasm),
    files: SCRIPTS,
    mount: (loaded) => {
      module = loaded;
    },
  });
  if (module === undefined) throw new Error("nothing was mounted");
  return { host, module, suspensions };
}

async function run(host: PhpHost, script: string): Promise<string> {
  let body = "";
  await host.run(
    { scriptFilename: `/www/${script}`, params: [["REQUEST_METHOD", "GET"]], body: new Uint8Array(0) },
    {
      headers() {},
      stdout: (chunk) => {
        body += Buffer.from(chunk).toString("latin1");
      },
      stderr() {},
      log() {},
      finishRequest() {},
    },
  );
  return body;
}

describe("a snapshot of an interpreter", () => {
  test("brings back one that broke, as often as wanted, and packed too", async () => {
    const { host, module } = await boot();
    const snapshot = new MemorySnapshot(module);
    expect(snapshot.size).toBe(module.HEAPU8.length);
    const seen = new Set<string>([await run(host, "hello.php")]);
    let current = host;
    for (let round = 0; round < 4; round++) {
      await expect(run(current, "trap.php")).rejects.toMatchObject({ code: "PHP_TRAP" });
      if (round === 2) {
        const packing = { pack: (bytes: Uint8Array) => deflateRawSync(bytes, { level: 1 }), unpack: inflateRawSync };
        while (snapshot.packSome(packing));
        expect(snapshot.size).toBeLessThan(8 * 1024 * 1024);
      }
      snapshot.restore(module);
      current = new PhpHost(module, {});
      const text = await run(current, "hello.php");
      expect(text).toMatch(/^hello [0-9a-f]{8}\d+$/);
      seen.add(text);
    }
    // Random numbers are fresh each time.
    expect(seen.size).toBe(5);
  });

  test("leaves a script that waits for ever behind", async () => {
    const { host, module, suspensions } = await boot();
    const snapshot = new MemorySnapshot(module);
    let woke = false;
    void run(host, "sleep.php").then(() => {
      woke = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 50));
    suspensions.abandon();
    snapshot.restore(module);
    const next = new PhpHost(module, {});
    expect(await run(next, "sleep.php")).toBe("woke");
    expect(await run(next, "hello.php")).toMatch(/^hello /);
    expect(woke).toBe(false);
  });
});
