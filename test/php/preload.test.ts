// opcache.preload: classes and functions that are there without being included.

import { describe, expect, test } from "vitest";
import { Fixture, Scratch } from "./fixture.ts";

const ASK = `echo json_encode([function_exists('preloaded') ? preloaded() : null, class_exists('Preloaded', false),
  opcache_get_status()['preload_statistics']['functions'] ?? null, PHP_SAPI, php_sapi_name()]);`;

function scripts(): { readonly scratch: Scratch; readonly preload: string } {
  const scratch = new Scratch();
  const other = scratch.write("class.php", "<?php class Preloaded {}");
  const preload = scratch.write(
    "preload.php",
    `<?php function preloaded() { return 'yes'; } opcache_compile_file('${other}');`,
  );
  return { scratch, preload };
}

describe("opcache.preload", () => {
  test("brings functions and classes into every request, and the SAPI keeps its name", async () => {
    const { scratch, preload } = scripts();
    using _ = scratch;
    const ini = { text: `opcache.preload = ${preload}` };
    using php = await Fixture.boot({ php: "8.4", ini, mounts: ["/tmp"] });
    for (let i = 0; i < 2; i++) {
      const { body, log } = await php.php(ASK);
      expect(log).toEqual([]);
      expect(JSON.parse(body)).toEqual(["yes", true, ["preloaded"], "fpm-fcgi", "fpm-fcgi"]);
    }
  });

  test("is left out by PHP 8.2, which asks for a user to become", async () => {
    const { scratch, preload } = scripts();
    using _ = scratch;
    const ini = { text: `opcache.preload = ${preload}` };
    using php = await Fixture.boot({ php: "8.2", ini, mounts: ["/tmp"] });
    const { body } = await php.php(ASK);
    expect(JSON.parse(body)).toEqual([null, false, null, "fpm-fcgi", "fpm-fcgi"]);
  });

  test("a file that is not there keeps PHP from starting, and the error names it", async () => {
    const boot = Fixture.boot({ php: "8.4", ini: { text: "opcache.preload = /nowhere/preload.php" } });
    await expect(boot).rejects.toMatchObject({ code: "PHP_BOOT", message: expect.stringContaining("preload.php") });
  });
});
