// A store that gets full, as PHP sees it: where it writes, not when all is over.

import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { FileError, ROOT } from "../../../src/fs/index.ts";
import { Child, Store } from "./child.ts";

const MiB = 1024 * 1024;
const LIMITS = { totalBytes: 6 * MiB, nodes: 40, fileBytes: 5 * MiB };

const store = new Store(LIMITS);
let child: Child;
let other: Child;

beforeAll(async () => {
  child = await new Child(store, "one").boot();
  other = await new Child(store, "other").boot();
}, 30_000);

const CLEAR = `foreach (glob("$d/*") as $f) is_dir($f) ? rmdir($f) : unlink($f);`;

beforeEach(async () => {
  for (const each of [child, other]) await each.begin();
  await child.run(CLEAR);
  for (const each of [child, other]) await each.begin();
});

const json = async (of: Child, code: string): Promise<unknown> => JSON.parse(await of.run(code));

describe("no room", () => {
  test("fails the write that does not fit, with its errno, and keeps what was written before", async () => {
    const code = `file_put_contents("$d/before", 'kept'); $r = @file_put_contents("$d/a", str_repeat('x', 4000000)); $s = @file_put_contents("$d/b", str_repeat('x', 4000000));
      echo json_encode([$r, $s, error_get_last()['message'], filesize("$d/a"), file_get_contents("$d/before")]);`;
    const [first, second, message, size, before] = (await json(child, code)) as unknown[];
    expect([first, second, size, before]).toEqual([4000000, false, 4000000, "kept"]);
    expect(message).toMatch(/No space left on device|Only \d+ of 4000000 bytes written/);
    expect(await json(other, `echo json_encode([filesize("$d/a"), file_get_contents("$d/before")]);`)).toEqual([
      4000000,
      "kept",
    ]);
  });

  test("is found by small writes too, and ends when something is removed", async () => {
    const fill = `$n = 0; while (@file_put_contents("$d/s$n", str_repeat('y', 500000)) === 500000) $n++; echo json_encode($n);`;
    expect(await json(child, fill)).toBe(12);
    const more = `$r = @file_put_contents("$d/more", str_repeat('z', 400000)); unlink("$d/s0"); echo json_encode([$r, @file_put_contents("$d/more", str_repeat('z', 400000))]);`;
    expect(await json(other, more)).toEqual([false, 400000]);
    expect(await json(child, `echo json_encode([filesize("$d/more"), file_exists("$d/s0")]);`)).toEqual([
      400000,
      false,
    ]);
  });

  test("for one file more, or one that is too long", async () => {
    const code = `$n = 0; while (@touch("$d/n$n")) $n++; echo json_encode([$n > 20, @mkdir("$d/dir"), error_get_last()['message']]);`;
    expect(await json(child, code)).toEqual([true, false, "mkdir(): No space left on device"]);
    await child.run(CLEAR);
    const long = `$f = fopen("$d/long", 'w'); $w = 0; while (($r = @fwrite($f, str_repeat('l', 500000))) === 500000) $w += $r; $m = error_get_last()['message']; echo json_encode([$w, $m, ftruncate($f, 100)]);`;
    const [written, message, cut] = (await json(child, long)) as [number, string, boolean];
    expect(written).toBeGreaterThan(4_500_000);
    expect(written).toBeLessThanOrEqual(LIMITS.fileBytes);
    expect([message.includes("File too large"), cut]).toEqual([true, true]);
  });

  test("is told by SQLite as such, and the database is whole", async () => {
    const code = `file_put_contents("$d/filler", str_repeat("f", 3000000)); $db = new PDO("sqlite:$d/db"); $db->exec('CREATE TABLE t (x)'); $n = 0;
      try { for (;;) { $db->exec("INSERT INTO t VALUES (zeroblob(300000))"); $n++; } } catch (PDOException $e) { $m = $e->getMessage(); }
      echo json_encode([$m, $n > 3, $db->query('PRAGMA integrity_check')->fetchColumn(), (int) $db->query('SELECT count(*) FROM t')->fetchColumn() === $n]);`;
    expect(await json(child, code)).toEqual([expect.stringContaining("full"), true, "ok", true]);
  });

  test("that another child takes at the same time fails the request, and tears nothing", async () => {
    const write = (name: string) =>
      `file_put_contents("$d/${name}", str_repeat('${name}', 3800000)); usleep(20000); echo 'ok';`;
    const ends = await Promise.allSettled([child.run(write("a")), other.run(write("b"))]);
    expect(ends.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    const failed = ends.find((end) => end.status === "rejected");
    expect(failed?.reason).toBeInstanceOf(FileError);
    expect(failed?.reason).toMatchObject({ errno: "ENOSPC" });
    const loser = ends[0]?.status === "rejected" ? child : other;
    expect(loser.losses.at(-1)).toContain("ENOSPC");
    await loser.begin();
    const sizes = await json(loser, `echo json_encode(array_map('filesize', glob("$d/*")));`);
    expect(sizes).toEqual([3800000]);
    // What the loser had sent ahead is given up with its life.
    expect(store.service.store.bytes).toBeLessThan(3800000 + 100);
    expect(store.service.store.stat(ROOT).type).toBe("directory");
  });
});
