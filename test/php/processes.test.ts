// There are no processes, whoever asks for one.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Fixture } from "./fixture.ts";

describe("commands of a script", () => {
  let php: Fixture;
  beforeAll(async () => {
    php = await Fixture.boot({ php: "8.2", network: true });
  });
  afterAll(() => php[Symbol.dispose]());

  test("are not run by exec(), system(), popen() and the like, and the script goes on", async () => {
    const mark = join(php.scratch.root, "made");
    const answer = await php.php(`$c = 'touch ${mark}'; shell_exec($c); system($c); exec($c); passthru($c); \`$c\`;
      pclose(popen($c, 'r')); pclose(popen($c, 'w')); proc_close(proc_open($c, [], $pipes)); echo 'on';`);
    expect(answer.body).toBe("on");
    expect(existsSync(mark)).toBe(false);
  });

  test("are not run by ImageMagick either, which asks the C library", async () => {
    const mark = join(php.scratch.root, "made-by-magick");
    const delegate = `<delegatemap><delegate decode="xyz" command="touch ${mark}"/></delegatemap>`;
    php.scratch.write("magick/delegates.xml", `<?xml version="1.0"?>${delegate}`);
    const image = php.scratch.write("a.xyz", "no image");
    const answer = await php.php(`putenv('MAGICK_CONFIGURE_PATH=${php.scratch.root}/magick');
      try { new Imagick('xyz:${image}'); echo 'read'; } catch (ImagickException $e) { echo 'refused'; }`);
    expect(answer.body).toBe("refused");
    expect(existsSync(mark)).toBe(false);
  });
});
