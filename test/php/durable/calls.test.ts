// What the store does not take fails where a script asks for it, and nowhere else; what a script says is durable is.

import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { installImports } from "../../../src/php/durable/imports.ts";
import { Child, ROOT_PATH, Store } from "./child.ts";

const MiB = 1024 * 1024;

const store = new Store({ totalBytes: 64 * MiB, depth: 20, pathBytes: 1000 });
let child: Child;
let other: Child;

beforeAll(async () => {
  child = await new Child(store, "one").boot();
  other = await new Child(store, "other").boot();
}, 30_000);

beforeEach(() => {
  child.losses.length = 0;
});

const json = async (of: Child, code: string): Promise<unknown> => JSON.parse(await of.run(code));

describe("new files of one request", () => {
  test("are as many as a script makes: numbers for them are fetched meanwhile", { timeout: 60_000 }, async () => {
    const many = `mkdir("$d/many"); $n = 0; for ($i = 0; $i < 12000; $i++) $n += file_put_contents("$d/many/$i", 'x'); echo json_encode($n);`;
    expect(await json(child, many)).toBe(12000);
    expect(child.losses).toEqual([]);
    expect(await json(other, 'echo json_encode(count(scandir("$d/many")) - 2);')).toBe(12000);
  });

  test("are folders and links too", { timeout: 60_000 }, async () => {
    const many = `$n = 0; for ($i = 0; $i < 5000; $i++) $n += mkdir("$d/folder$i") + symlink('x', "$d/link$i"); echo json_encode($n);`;
    expect(await json(child, many)).toBe(10000);
    expect(await json(other, 'echo json_encode([count(glob("$d/folder*")), count(glob("$d/link*"))]);')).toEqual([
      5000, 5000,
    ]);
  });

  test("that get no number fail, and those before are kept", { timeout: 60_000 }, async () => {
    await child.begin();
    // Nobody waits for numbers where the host makes files: there are those at hand.
    await child.files.begin(undefined);
    child.module.FS.mkdirTree("/srv/host");
    let made = 0;
    const make = () => {
      for (; made < 100_000; made++) child.module.FS.writeFile(`/srv/host/${made}`, "h");
    };
    expect(make).toThrow(expect.objectContaining({ errno: 51 }));
    expect(made).toBeGreaterThan(4000);
    await child.files.settle();
    expect(await json(other, 'echo json_encode(count(scandir("$d/host")) - 2);')).toBe(made);
  });
});

describe("a file that another child changes all the time", () => {
  const change = (name: string, length: number) => {
    const { store: files } = store.service;
    const { ino, size } = files.lookup(`${ROOT_PATH}/${name}`);
    const data = new Uint8Array(length).fill(0x6d);
    files.commit([{ op: "write", ino, offset: size, data }], { life: 0, time: Date.now(), holders: new Set() });
  };
  afterEach(() => {
    child.meanwhile = () => {};
  });

  test.each([
    ["short", 10],
    ["of some pieces", 300_000],
    ["held in pieces", 3 * MiB],
  ])("is read, and lines are added to it: %s", async (name, size) => {
    await other.run(`file_put_contents("$d/${name}", str_repeat('m', ${size})); echo 1;`);
    let changes = 0;
    child.meanwhile = (type) => {
      if (type === "reserve") return;
      change(name, 100);
      changes += 1;
    };
    const read = `$n = strlen(rtrim(file_get_contents("$d/${name}"), 'm'));`;
    const add = `$a = file_put_contents("$d/${name}", 'mine', FILE_APPEND);`;
    expect(await json(child, `${read} ${add} echo json_encode([$n, $a]);`)).toEqual([0, 4]);
    child.meanwhile = () => {};
    expect(changes).toBeGreaterThan(3);
    const count = `$t = file_get_contents("$d/${name}"); echo json_encode([strlen($t), substr_count($t, 'mine'), strlen(strtr($t, ['mine' => '', 'm' => '']))]);`;
    expect(await json(other, count)).toEqual([size + 100 * changes + 4, 1, 0]);
  });
});

describe("fsync()", () => {
  test.each(["fsync", "fdatasync"])("shows another child what was written: %s", async (sync) => {
    const writing = child.run(
      `$f = fopen("$d/${sync}", 'w'); fwrite($f, 'synced'); ${sync}($f); usleep(500000); fwrite($f, ' more'); echo 'done';`,
    );
    const read = `for ($i = 0; $i < 20 && ($t = @file_get_contents("$d/${sync}")) === false; $i++) usleep(10000); echo $t;`;
    let seen = "";
    for (let time = 0; time < 20 && seen === ""; time++) seen = await other.run(read);
    expect(seen).toBe("synced");
    expect(await writing).toBe("done");
    expect(await other.run(`echo file_get_contents("$d/${sync}");`)).toBe("synced more");
  });

  test("and all others are replaced, or the interpreter does not start", () => {
    const imports = { env: {}, wasi_snapshot_preview1: {} };
    const parts = { module: () => child.module, tree: () => expect.fail(), calls: () => undefined };
    expect(() => installImports(imports, parts)).toThrow("no function __syscall_openat to replace");
  });
});

describe("a name that is too long", () => {
  const TOO_LONG = [
    ["a file's, of 256 bytes", `file_put_contents("$d/" . str_repeat('n', 256), 'x')`],
    ["of 300 bytes", `touch("$d/" . str_repeat('n', 300))`],
    ["of 128 letters that take two bytes", `file_put_contents("$d/" . str_repeat('ä', 128), 'x')`],
    ["a folder's", `mkdir("$d/" . str_repeat('n', 256))`],
    ["a link's", `symlink('x', "$d/" . str_repeat('n', 256))`],
    ["a target's", `symlink(str_repeat('t', 1001), "$d/target")`],
    ["the new one of a file", `rename("$d/moved", "$d/" . str_repeat('n', 256))`],
    ["a path's", `mkdir("$d/" . implode('/', array_fill(0, 5, str_repeat('p', 250))), 0777, true)`],
    ["in too many folders", `mkdir("$d/" . implode('/', array_fill(0, 30, 'f')), 0777, true)`],
    ["of what is in a folder that moves", `rename("$d/tall", "$d/1/2/3/4/5/6/7/8/9/10/tall")`],
  ] as const;

  test.each(TOO_LONG)("fails the call: %s", async (_, call) => {
    const before = `file_put_contents("$d/moved", 'm'); @mkdir("$d/tall/1/2/3/4/5/6/7/8/9/10", 0777, true); @mkdir("$d/1/2/3/4/5/6/7/8/9/10", 0777, true);`;
    const code = `${before} file_put_contents("$d/before", 'kept'); $r = @${call}; $m = error_get_last()['message'] ?? ''; file_put_contents("$d/after", 'kept too');
      echo json_encode([$r, str_contains($m, 'name too long') ? 'too long' : $m]);`;
    expect(await json(child, code)).toEqual([false, "too long"]);
    expect(child.losses).toEqual([]);
    const look = `$a = [@file_get_contents("$d/before"), @file_get_contents("$d/after"), file_get_contents("$d/moved"), is_dir("$d/tall")]; unlink("$d/before"); unlink("$d/after"); echo json_encode($a);`;
    expect(await json(other, look)).toEqual(["kept", "kept too", "m", true]);
  });

  test("is one byte longer than the longest", async () => {
    const names = `[str_repeat('n', 255), str_repeat('ä', 127) . 'a']`;
    const make = `foreach (${names} as $n) $r[] = file_put_contents("$d/$n", 'x'); echo json_encode($r);`;
    expect(await json(child, make)).toEqual([1, 1]);
    expect(await json(other, `foreach (${names} as $n) $r[] = filesize("$d/$n"); echo json_encode($r);`)).toEqual([
      1, 1,
    ]);
    // As deep as can be: the store agrees.
    expect(
      await json(child, `echo json_encode(mkdir("$d/" . implode('/', array_fill(0, 20, 'g')), 0777, true));`),
    ).toBe(true);
  });
});

describe("disk_free_space() and disk_total_space()", () => {
  test("tell of the store, and of what is written and not sent yet", async () => {
    const code = `$free = disk_free_space($d); $f = fopen("$d/disk", 'w'); fwrite($f, str_repeat('d', 1000000)); echo json_encode([disk_total_space($d), $free, $free - disk_free_space($d)]);`;
    const free = 64 * MiB - store.service.store.bytes;
    const [total, before, taken] = (await json(child, code)) as number[];
    expect(total).toBe(64 * MiB);
    expect(before).toBeLessThanOrEqual(free);
    expect(before).toBeGreaterThan(free - 2 * 4096);
    expect(taken).toBeGreaterThan(1_000_000 - 4096);
    expect(taken).toBeLessThan(1_000_000 + 2 * 4096);
  });
});

test("what could not be kept is told with one code", async () => {
  const full = new Store({ totalBytes: MiB });
  const one = await new Child(full, "one").boot();
  const two = await new Child(full, "two").boot();
  const write = (name: string) => `file_put_contents("$d/${name}", str_repeat('x', 700000)); usleep(20000);`;
  const ends = await Promise.allSettled([one.run(write("a")), two.run(write("b"))]);
  expect(ends.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
  expect([...one.losses, ...two.losses].join()).toMatch(
    /^ENOSPC: changes of files could not be kept: \d+ bytes would be used; /,
  );
});
