// What PHP sees of files when it looks at them, beside what is on the disk; and when it sees what has changed.

import {
  chmodSync,
  linkSync,
  mkdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createLockTable } from "../../../src/platform/node/file-locks.ts";
import { Fixture } from "../fixture.ts";

let fixture: Fixture;
let root: string;
let scripts = 0;
beforeAll(async () => {
  fixture = await Fixture.boot();
  root = join(fixture.scratch.root, "files");
  fixture.scratch.write("files/a/b/file.txt", "twelve bytes");
  fixture.scratch.write("files/a/b/empty", "");
  symlinkSync("b/file.txt", join(root, "a/to-file"));
  symlinkSync(join(root, "a/b"), join(root, "a/to-folder"));
  symlinkSync("nowhere", join(root, "a/broken"));
  symlinkSync("/etc", join(root, "a/outside"));
  linkSync(join(root, "a/b/file.txt"), join(root, "a/second-name"));
  fixture.scratch.write("files/a/naïve.txt", "é");
  fixture.scratch.write("files/a/nobody", "");
  chmodSync(join(root, "a/nobody"), 0);
  fixture.scratch.write("files/a/executable", "");
  chmodSync(join(root, "a/executable"), 0o711);
  for (const [name, time] of Object.entries({ old: -86_400.25, long: 5_000_000_000.75 })) {
    fixture.scratch.write(`files/a/${name}`, name);
    utimesSync(join(root, "a", name), time, time);
  }
}, 30_000);
afterAll(() => fixture[Symbol.dispose]());

/** Runs the code and gives what it hands to `out()`. */
async function php(code: string, by = fixture): Promise<unknown> {
  const prelude = `<?php function out($what) { echo json_encode($what); } $root = ${JSON.stringify(root)};`;
  const answer = await by.run(fixture.scratch.write(`look-${++scripts}.php`, `${prelude} ${code}`));
  expect(answer.stderr + answer.log.join("\n")).toBe("");
  return JSON.parse(answer.body);
}

describe("a look at a file", () => {
  const names = [
    ...["", "/a", "/a/b", "/a/b/file.txt", "/a/b/empty", "/a/to-file", "/a/to-folder", "/a/to-folder/file.txt"],
    ...["/a/broken", "/a/outside", "/a/outside/passwd", "/a/second-name", "/a/naïve.txt", "/a/nobody", "/a/executable"],
    ...["/a/old", "/a/long", "/a/missing", "/missing/missing", "/a/b/file.txt/below", "/constructor", "/__proto__/x"],
  ];

  test("tells the same whichever way the path is written", async () => {
    const differences = await php(`
      $facts = fn ($path) => [@stat($path), @lstat($path), file_exists($path), is_file($path), is_dir($path),
        is_link($path), is_readable($path), is_writable($path), is_executable($path), @filetype($path)];
      $differences = [];
      foreach (json_decode('${JSON.stringify(names)}') as $name) {
        clearstatcache(true);
        $direct = $facts($root . $name);
        clearstatcache(true);
        $roundabout = $facts(dirname($root) . '/./' . basename($root) . $name);
        // The time of access is that of the first look.
        foreach ([0, 1] as $i) if ($direct[$i] && $roundabout[$i]) unset($direct[$i][8], $direct[$i]['atime'], $roundabout[$i][8], $roundabout[$i]['atime']);
        if ($direct !== $roundabout) $differences[] = [$name, $direct, $roundabout];
      }
      out($differences);`);
    expect(differences).toEqual([]);
  });

  test("tells what is on the disk", async () => {
    const told = (await php(`out(array_map(fn ($name) => stat("$root/a/$name"),
      ['b/file.txt', 'b', 'second-name', 'old', 'long']));`)) as Record<string, number>[];
    for (const [i, name] of ["b/file.txt", "b", "second-name", "old", "long"].entries()) {
      const { dev, ino, mode, nlink, size, mtimeMs } = statSync(join(root, "a", name));
      expect(told[i], name).toMatchObject({
        dev,
        ino,
        mode,
        nlink,
        size,
        mtime: Math.floor(Math.round(mtimeMs) / 1000),
      });
    }
  });

  test("is as strict about permissions as before", async () => {
    const seen = await php(`out([is_readable("$root/a/nobody"), is_writable("$root/a/nobody"),
      is_executable("$root/a/nobody"), is_executable("$root/a/executable"), is_executable("$root/a/b/empty")]);`);
    expect(seen).toEqual([false, false, false, true, false]);
  });

  test("follows no link out of what is mounted", async () => {
    const seen = await php(`out([file_exists("$root/a/outside/passwd"), is_link("$root/a/outside"),
      file_exists('/etc/passwd'), file_exists("$root/../../../etc/passwd")]);`);
    expect(seen).toEqual([false, true, false, false]);
  });

  test("sees at once what the same script has done", async () => {
    const seen = await php(`
      $path = "$root/own"; $seen = [];
      $look = function () use ($path, &$seen) { clearstatcache(); $seen[] = @filetype($path) . @filesize("$path/x"); };
      $look(); mkdir($path); $look(); file_put_contents("$path/x", 'four'); $look(); rename("$path/x", "$path/y"); $look();
      unlink("$path/y"); rmdir($path); $look(); symlink("$root/a", $path); file_put_contents("$root/a/x", 'seven..'); $look();
      unlink($path); unlink("$root/a/x"); $look(); file_put_contents($path, ''); $look(); unlink($path); $look();
      out($seen);`);
    expect(seen).toEqual(["", "dir", "dir4", "dir", "", "link7", "", "file", ""]);
  });

  test("sees what another child has done since", async () => {
    using other = await Fixture.boot({ mounts: [fixture.scratch.root], processId: 2, locks: createLockTable() });
    const log: unknown[] = [];
    const look = async () =>
      log.push(await php(`out([@filesize("$root/shared"), @filemtime("$root/shared")]);`, other));
    await look();
    await php(`file_put_contents("$root/shared", 'one'); touch("$root/shared", 1000000); out(1);`);
    await look();
    await php(`file_put_contents("$root/shared", 'three'); touch("$root/shared", 2000000); out(1);`);
    await look();
    await php(`unlink("$root/shared"); out(1);`);
    await look();
    expect(log).toEqual([
      [false, false],
      [3, 1_000_000],
      [5, 2_000_000],
      [false, false],
    ]);
  });

  test("sees within one script what changes under it", async () => {
    // The output of a script is handed out while it runs: whoever gets it changes the file.
    const path = join(root, "under");
    const script = `foreach (range(1, 4) as $i) { clearstatcache(); echo '[', is_file(${JSON.stringify(path)}) ? 'yes' : 'no', ']'; flush(); }`;
    let looks = 0;
    const { body } = await fixture.php(script, {
      onStdout(text) {
        if (!text.includes("]")) return;
        looks++;
        if (looks % 2 === 1) writeFileSync(path, "");
        else unlinkSync(path);
      },
    });
    expect(body).toBe("[no][yes][no][yes]");
  });
});

describe("scripts that change", () => {
  test("an edit between two requests shows, in the file that is asked for and in one that it includes", async () => {
    const part = fixture.scratch.write("part.php", "<?php return 'old';");
    utimesSync(part, 1_000_000, 1_000_000);
    const script = fixture.scratch.write(
      "page.php",
      "<?php echo 'page 1 ', is_file(__DIR__ . '/part.php'), include 'part.php';",
    );
    utimesSync(script, 1_000_000, 1_000_000);
    for (let i = 0; i < 3; i++) expect((await fixture.run(script)).body).toBe("page 1 1old");
    writeFileSync(part, "<?php return 'new';");
    expect((await fixture.run(script)).body).toBe("page 1 1new");
    writeFileSync(script, "<?php echo 'page 2 ', include 'part.php';");
    expect((await fixture.run(script)).body).toBe("page 2 new");
    rmSync(part);
    expect((await fixture.run(script)).body).not.toContain("new");
  });

  test("a template that the script compiles anew in the same request is the one that runs", async () => {
    const { body } = await fixture.php(`
      $path = __DIR__ . '/compiled.php';
      foreach (['one', 'two', 'three'] as $i => $word) {
        file_put_contents($path, "<?php return '$word';");
        touch($path, 1000000 + $i);
        echo is_file($path) ? include $path : 'missing', ' ';
      }
      rename($path, "$path.old"); echo @include $path; unlink("$path.old");`);
    expect(body).toBe("one two three ");
  });

  test("a folder that another one takes the place of is the new one", async () => {
    const release = (name: string, text: string) =>
      fixture.scratch.write(`releases/${name}/page.php`, `<?php return '${text}';`);
    release("1", "first");
    release("2", "second");
    const live = join(fixture.scratch.root, "live");
    renameSync(join(fixture.scratch.root, "releases/1"), live);
    const ask = async () =>
      (await fixture.php("echo is_file(__DIR__ . '/live/page.php'), include __DIR__ . '/live/page.php';")).body;
    expect(await ask()).toBe("1first");
    renameSync(live, join(fixture.scratch.root, "releases/old"));
    renameSync(join(fixture.scratch.root, "releases/2"), live);
    utimesSync(join(live, "page.php"), 1_000_000, 1_000_000);
    expect(await ask()).toBe("1second");
    rmSync(live, { recursive: true });
    mkdirSync(live);
    expect((await fixture.php("var_dump(is_file(__DIR__ . '/live/page.php'));")).body).toContain("false");
  });
});
