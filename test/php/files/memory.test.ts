// The same for files in memory, as at the edge: those of the interpreter itself and of the store.

import { beforeAll, describe, expect, test } from "vitest";
import { Child, Store } from "../durable/child.ts";

const store = new Store();
let one: Child;
let two: Child;
beforeAll(async () => {
  one = await new Child(store, "one").boot();
  two = await new Child(store, "two").boot();
}, 60_000);

describe("a look at a file in memory", () => {
  test("tells the same whichever way the path is written", async () => {
    const body = await one.run(`
      @mkdir("$d/a"); file_put_contents("$d/a/file", 'twelve bytes'); touch("$d/a/file", 1000000); symlink('file', "$d/a/link");
      symlink("$d/a", "$d/to-a"); symlink('nowhere', "$d/broken"); mkdir("$d/closed"); touch("$d/closed/x"); chmod("$d/closed", 0);
      $facts = fn ($path) => [@stat($path), @lstat($path), file_exists($path), is_file($path), is_dir($path), is_link($path),
        is_readable($path), is_writable($path), is_executable($path), @filetype($path)];
      foreach (["$d", "$d/a", "$d/a/file", "$d/a/link", "$d/to-a", "$d/to-a/file", "$d/broken", "$d/closed", "$d/closed/x",
        "$d/missing", "$d/missing/x", "$d/a/file/x", "$d/constructor", "$d/__proto__", "$d/a/naïve", '/', '/dev', '/dev/null',
        '/dev/urandom', '/proc/self/fd/0', '/internal/shared/php.ini', '/tmp', '/job'] as $path) {
        clearstatcache(true); $direct = $facts($path);
        clearstatcache(true); $roundabout = $facts('/.' . $path);
        if ($direct !== $roundabout) echo $path, ' ', json_encode([$direct, $roundabout]), "\\n";
      }
      chmod("$d/closed", 0755);
      echo json_encode([filesize("$d/a/file"), filemtime("$d/a/file"), is_file("$d/to-a/link"), is_file("$d/missing")]);`);
    expect(body).toBe("[12,1000000,true,false]");
  });

  test("sees at once what the script has done, and in the next request what another child has", async () => {
    const look = `clearstatcache(); echo @filetype("$d/f"), @filesize("$d/f/x"), ' ';`;
    const seen = await one.run(`${look} mkdir("$d/f"); ${look} file_put_contents("$d/f/x", 'four'); ${look}
      rename("$d/f", "$d/g"); ${look} rename("$d/g", "$d/f"); ${look} unlink("$d/f/x"); rmdir("$d/f"); ${look}
      file_put_contents("$d/f", 'file'); ${look}`);
    expect(seen).toBe(" dir dir4  dir4  file ");
    expect(await two.run(look)).toBe("file ");
    await two.run(`unlink("$d/f"); mkdir("$d/f"); file_put_contents("$d/f/x", 'seven..');`);
    expect(await one.run(look)).toBe("dir7 ");
    await two.run(`unlink("$d/f/x"); rmdir("$d/f");`);
    expect(await one.run(look)).toBe(" ");
  });

  test("a script that another child has compiled anew is the one that runs", async () => {
    const write = (word: string, time: number) =>
      `file_put_contents("$d/compiled.php", "<?php return '${word}';"); touch("$d/compiled.php", ${time});`;
    const run = `echo is_file("$d/compiled.php") ? include "$d/compiled.php" : 'missing';`;
    expect(await one.run(`${write("one", 1_000_000)} ${run}`)).toBe("one");
    for (let i = 0; i < 2; i++) expect(await two.run(run)).toBe("one");
    await one.run(write("two", 1_000_001));
    expect(await two.run(run)).toBe("two");
    await two.run(`unlink("$d/compiled.php");`);
    expect(await one.run(run)).toBe("missing");
  });
});
