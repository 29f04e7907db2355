import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { checkGlue, glueExports, gluePhpVersion, glueWasmPath, patchGlue } from "../../src/image/glue.ts";
import { buildPhpImage, EDGE_MEMORY } from "../../src/image/php-image.ts";
import { makeScratch } from "../peers/scratch.ts";
import { bootImage, runScript } from "./image.ts";

const scratch = makeScratch("image");
afterAll(() => scratch.remove());

const GLUE = readFileSync(
  join(dirname(createRequire(import.meta.url).resolve("@php-wasm/web-8-4/package.json")), "jspi/php_8_4.js"),
  "utf8",
);

describe("the glue", () => {
  test("tells its file, its version and the exports it needs", () => {
    expect(glueWasmPath(GLUE)).toBe("./8_4_25/php_8_4.wasm");
    expect(gluePhpVersion(GLUE)).toBe("8.4.25");
    const names = glueExports(GLUE);
    expect(names.size).toBeGreaterThan(300);
    for (const name of [
      "wasm_sapi_handle_request",
      "php_wasm_init",
      "malloc",
      "sapi_send_headers",
      "__stack_pointer",
    ]) {
      expect(names).toContain(name);
    }
  });

  test.each([
    ["another largest heap", "getHeapMax = () => 2147483648", "getHeapMax = () => 4294967296"],
    ["another import", "import dependencyFilename from './8", "import file from './8"],
    ["one more eval", "eval(func)", "eval(func); eval(func)"],
    ["another test for platforms", "RuntimeName === 'WORKER'", "RuntimeName == 'WORKER'"],
  ])("of a release with %s is refused", (_what, before, after) => {
    expect(GLUE).toContain(before);
    expect(() => patchGlue(GLUE.replace(before, after), 1)).toThrow(
      expect.objectContaining({ code: "IMAGE_GLUE_CHANGED" }),
    );
  });

  test("that reads its exports in another way is refused", () => {
    expect(() => glueExports(GLUE.replaceAll("wasmExports[", "exported["))).toThrow(
      expect.objectContaining({ code: "IMAGE_GLUE_CHANGED" }),
    );
  });

  test.each(["eval(x)", "require('fs')", "new XMLHttpRequest()", "window.prompt('?')", "await import('x')"])(
    "is not finished with %s in it",
    (code) => {
      expect(() => checkGlue(`export const init = () => ${code}`)).toThrow(
        expect.objectContaining({ code: "IMAGE_GLUE_CHANGED" }),
      );
    },
  );
});

describe.each(["8.2", "8.4"])("the image of PHP %s", (php) => {
  test("boots in at most 40 MiB and runs a script with opcache", async () => {
    const image = await buildPhpImage({ php });
    expect(image.version).toMatch(new RegExp(`^${php.replace(".", "\\.")}\\.\\d+$`));
    expect(image.glue).toContain(`Math.min(${EDGE_MEMORY.maximum * 65_536},`);
    const host = await bootImage(image, {
      files: new Map([
        ["/app/index.php", '<?php echo PHP_SAPI, " ", opcache_get_status(false)["opcache_enabled"] ? "on" : "off";'],
      ]),
    });
    expect(host.version).toBe(image.version);
    expect((await runScript(host, "/app/index.php")).body).toBe("fpm-fcgi on");
    expect(host.memory).toBeLessThan(40 * 1024 * 1024);
  });

  test("says no at its memory's maximum, and goes on", async () => {
    const host = await bootImage(await buildPhpImage({ php }), {
      ini: { settings: { memory_limit: "512M" } },
      files: new Map([
        ["/app/large.php", '<?php $a = []; while (true) $a[] = str_repeat("x", 1 << 20);'],
        ["/app/after.php", "<?php echo 'well';"],
      ]),
    });
    expect((await runScript(host, "/app/large.php")).exit).toBe(255);
    expect(host.memory).toBeLessThanOrEqual(EDGE_MEMORY.maximum * 65_536);
    expect((await runScript(host, "/app/after.php")).body).toBe("well");
  });
});

describe("the cache of images", () => {
  test("gives the same image again, apart for other memory", async () => {
    const cacheDirectory = join(scratch.path, "cache");
    const first = await buildPhpImage({ cacheDirectory });
    const again = await buildPhpImage({ cacheDirectory });
    expect(Buffer.compare(again.wasm, first.wasm)).toBe(0);
    expect(again.glue).toBe(first.glue);
    expect(readdirSync(cacheDirectory)).toHaveLength(1);
    await buildPhpImage({ cacheDirectory, memory: { initial: 320, maximum: 2048 } });
    expect(readdirSync(cacheDirectory)).toHaveLength(2);
  });

  test("makes a file anew that was cut short", async () => {
    const cacheDirectory = join(scratch.path, "cut");
    const first = await buildPhpImage({ cacheDirectory });
    const [folder = ""] = readdirSync(cacheDirectory);
    writeFileSync(join(cacheDirectory, folder, "php.wasm"), first.wasm.subarray(0, 1000));
    expect((await buildPhpImage({ cacheDirectory })).wasm.length).toBe(first.wasm.length);
  });

  test("is not needed", async () => {
    const file = join(scratch.path, "a-file");
    writeFileSync(file, "");
    expect((await buildPhpImage({ cacheDirectory: join(file, "cache") })).version).toMatch(/^8\.4\./);
  });
});

test("a version that is not installed names the command, and an unknown one the versions", async () => {
  await expect(buildPhpImage({ php: "8.3", from: scratch.path })).rejects.toMatchObject({
    code: "PHP_NOT_INSTALLED",
    message: expect.stringContaining("npm install --save-dev @php-wasm/web-8-3@"),
  });
  await expect(buildPhpImage({ php: "7.4" })).rejects.toMatchObject({ code: "PHP_UNKNOWN_VERSION" });
});
