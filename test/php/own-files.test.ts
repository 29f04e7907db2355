// What scripts may make in the interpreter's own memory, where no other child sees it: nothing, but what is temporary.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Child, Store } from "./durable/child.ts";
import { Fixture } from "./fixture.ts";

/** Tries to make one of each in a folder, and tells what could be made. */
const MAKE = `
  $made = [];
  foreach ($folders as $f) {
    if (!is_dir($f)) { $made[$f] = 'missing'; continue; }
    $made[$f] = array_keys(array_filter([
      'writable' => is_writable($f), 'file' => @file_put_contents("$f/x.txt", 'x'), 'open' => @fopen("$f/y.txt", 'c'),
      'touch' => @touch("$f/z.txt"), 'folder' => @mkdir("$f/folder"), 'link' => @symlink('/tmp', "$f/link"),
      'rename' => @rename($own, "$f/moved"),
    ]));
    $made[$f] = [...$made[$f], ...array_filter(['x.txt', 'y.txt', 'z.txt', 'folder', 'link', 'moved'], fn($n) => file_exists("$f/$n"))];
  }
  echo json_encode($made);`;

const FOLDERS = [
  "/",
  "/proc",
  "/proc/self",
  "/dev",
  "/dev/shm",
  "/home",
  "/home/web_user",
  "/internal",
  "/internal/shared",
];

const DEVICES = `
  $f = fopen('/dev/zero', 'r+');
  echo bin2hex(fread($f, 3)), ' ', strlen(file_get_contents('/dev/zero', length: 20000)), ' ', fwrite($f, 'four'), ' ', filetype('/dev/zero');`;

const nothing = (folders: readonly string[]) => Object.fromEntries(folders.map((folder) => [folder, []]));

describe("on Node", () => {
  let fixture: Fixture;
  beforeAll(async () => {
    fixture = await Fixture.boot();
  }, 30_000);
  afterAll(() => fixture[Symbol.dispose]());

  test("folders that are not mounted take nothing, those above a mount too", async () => {
    const { root } = fixture.scratch;
    const shared = ["/internal/pool", "/tmp"];
    const code = `$folders = ${JSON.stringify([...FOLDERS, "/request"])}; $own = '/internal/shared/php.ini';`;
    expect(JSON.parse((await fixture.php(code + MAKE)).body)).toEqual(nothing([...FOLDERS, "/request"]));
    const allowed = await fixture.php(
      `foreach (${JSON.stringify([root, ...shared])} as $f) echo (int) is_writable($f), file_put_contents("$f/made.txt", 'x'), (int) unlink("$f/made.txt"), ' ';`,
    );
    expect(allowed.body).toBe("111 111 111 ");
  });

  test("what is there is not changed", async () => {
    const answer = await fixture.php(
      "echo json_encode([@file_put_contents('/internal/shared/php.ini', 'x', FILE_APPEND), @unlink('/internal/shared/php.ini'), is_writable('/internal/shared/php.ini'), is_readable('/internal/shared/php.ini'), @rmdir('/home/web_user')]);",
    );
    expect(JSON.parse(answer.body)).toEqual([false, false, false, true, false]);
  });

  test("/dev/zero is there", async () => {
    expect((await fixture.php(DEVICES)).body).toBe("000000 20000 4 char");
  });

  test("a script is told why", async () => {
    const answer = await fixture.php("file_put_contents('/made.txt', 'x'); echo error_get_last()['message'];");
    expect(answer.body).toContain("Permission denied");
    expect(existsSync(join("/", "made.txt"))).toBe(false);
  });
});

describe("of a file store's children", () => {
  let children: readonly Child[];
  beforeAll(async () => {
    const store = new Store();
    children = await Promise.all(["one", "other"].map((key) => new Child(store, key).boot()));
  }, 30_000);

  test("only what all of them have can be written", async () => {
    const [one, other] = children as [Child, Child];
    const folders = [...FOLDERS, "/job"];
    const code = `$folders = ${JSON.stringify(folders)}; $own = '/internal/shared/php.ini';`;
    expect(JSON.parse(await one.run(code + MAKE))).toEqual(nothing(folders));
    expect(await one.run(`echo file_put_contents("$d/here.txt", 'x'), file_put_contents('/tmp/own.txt', 'x');`)).toBe(
      "11",
    );
    expect(await other.run(`echo file_get_contents("$d/here.txt");`)).toBe("x");
    expect(await one.run(DEVICES)).toBe("000000 20000 4 char");
  });
});
