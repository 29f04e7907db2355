import { execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { inflateRawSync } from "node:zlib";
import { inflateSync, unzipSync, zipSync } from "fflate";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { collectApplication } from "../../src/image/application-files.ts";
import { writeArchive } from "../../src/image/archive.ts";
import { buildPhpImage, type PhpImage } from "../../src/image/php-image.ts";
import { type ArchiveOptions, type ArchiveStatus, mountArchive, readArchive } from "../../src/php/archive.ts";
import type { PhpHost } from "../../src/php/host.ts";
import { makeScratch } from "../peers/scratch.ts";
import { setTime, writeFolder } from "./application.ts";
import { bootImage, runScript } from "./image.ts";

const scratch = makeScratch("archive");
afterAll(() => scratch.remove());

const inflate: ArchiveOptions["inflate"] = (data, size) => inflateRawSync(data, { maxOutputLength: size });

let image: PhpImage;
beforeAll(async () => {
  image = await buildPhpImage();
});

/** An interpreter with an archive of `files` at /app, and a function that runs PHP code in it. */
async function mounted(
  files: Parameters<typeof writeFolder>[1],
  options: Partial<ArchiveOptions> = {},
): Promise<{ host: PhpHost; status: ArchiveStatus; php(code: string): Promise<string> }> {
  const root = writeFolder(join(scratch.path, randomBytes(4).toString("hex")), files);
  const archive = writeArchive(collectApplication(root));
  return mountedArchive(archive, options);
}

async function mountedArchive(archive: Uint8Array, options: Partial<ArchiveOptions> = {}) {
  let status: ArchiveStatus | undefined;
  let FS: { writeFile(path: string, data: string): void } | undefined;
  const host = await bootImage(image, {
    mount(module) {
      FS = module.FS;
      status = mountArchive(module, { archive, at: "/app", inflate, ...options });
    },
  });
  if (status === undefined || FS === undefined) throw new Error("not mounted");
  const files = FS;
  let scripts = 0;
  return {
    host,
    status,
    async php(code: string): Promise<string> {
      const path = `/tmp/script-${++scripts}.php`;
      files.writeFile(path, `<?php ${code}`);
      const { body, log, exit } = await runScript(host, path);
      if (exit !== 0 || log.length > 0) throw new Error(`exit ${exit}: ${log.join("\n")}\n${body}`);
      return body;
    },
  };
}

describe("an archive", () => {
  test("has the same bytes for the same files, in any time zone", () => {
    const root = writeFolder(join(scratch.path, "same"), { "b/x.php": "<?php", "a.txt": "text", "empty/": "" });
    for (const path of ["a.txt", "b/x.php"]) setTime(join(root, path), 1_700_000_001);
    const script = `
      import { collectApplication } from ${JSON.stringify(join(process.cwd(), "src/image/application-files.ts"))};
      import { writeArchive } from ${JSON.stringify(join(process.cwd(), "src/image/archive.ts"))};
      process.stdout.write(writeArchive(collectApplication(${JSON.stringify(root)})));`;
    const hashes = ["UTC", "Pacific/Kiritimati", "America/New_York"].map((TZ) => {
      const bytes = execFileSync(process.execPath, ["--input-type=module", "--eval", script], {
        env: { ...process.env, TZ },
        stdio: ["ignore", "pipe", "ignore"],
      });
      expect(readArchive(bytes)).toMatchObject([
        { path: "b", directory: true },
        { path: "empty", directory: true },
        { path: "a.txt", modified: 1_700_000_001_000, size: 4, directory: false },
        { path: "b/x.php", modified: 1_700_000_001_000, size: 5, directory: false },
      ]);
      return createHash("sha256").update(bytes).digest("hex");
    });
    expect(new Set(hashes).size).toBe(1);
  });

  test("is a zip archive like any other", () => {
    const root = writeFolder(join(scratch.path, "plain"), {
      "ä/日本.txt": "UTF-8",
      "large.txt": "x".repeat(100_000),
      "photo.jpg": randomBytes(1000),
      empty: "",
    });
    const archive = writeArchive(collectApplication(root));
    const entries = unzipSync(archive);
    expect(new TextDecoder().decode(entries["ä/日本.txt"])).toBe("UTF-8");
    expect(entries["large.txt"]?.length).toBe(100_000);
    expect(archive.length).toBeLessThan(3000);
    const byPath = new Map(readArchive(archive).map((entry) => [entry.path, entry]));
    expect(byPath.get("photo.jpg")).toMatchObject({ deflated: false, size: 1000, compressedSize: 1000 });
    expect(byPath.get("large.txt")).toMatchObject({ deflated: true, size: 100_000 });
  });
});

describe("what is no archive of an application", () => {
  const good = zipSync({ "a.txt": new Uint8Array([1, 2, 3]), "d/b.txt": [new Uint8Array(300), { level: 9 }] });

  function change(at: number, ...bytes: number[]): Uint8Array {
    const copy = good.slice();
    copy.set(bytes, at);
    return copy;
  }
  /** Where the first entry of the table of contents stands. */
  const central = Buffer.from(good).indexOf("PK\x01\x02", 0, "latin1");

  test.each<[string, Uint8Array, string]>([
    ["nothing", new Uint8Array(), "ARCHIVE_MALFORMED"],
    ["text", new TextEncoder().encode("no archive at all, but long enough to be one"), "ARCHIVE_MALFORMED"],
    ["the first half", good.subarray(0, good.length >> 1), "ARCHIVE_MALFORMED"],
    ["an entry that is encrypted", change(central + 8, 1), "ARCHIVE_UNSUPPORTED"],
    ["another compression", change(central + 10, 14), "ARCHIVE_UNSUPPORTED"],
    ["data beyond the end", change(central + 42, 0xff, 0xff, 0xff, 0x7f), "ARCHIVE_MALFORMED"],
    ["a compressed size beyond the end", change(central + 20, 0xff, 0xff, 0xff, 0x7f), "ARCHIVE_MALFORMED"],
    ["a name that is longer than the table", change(central + 28, 0xff, 0xff), "ARCHIVE_MALFORMED"],
    ["a name that is not UTF-8", change(central + 46, 0xff), "ARCHIVE_UNSUPPORTED"],
    ["more entries than there are", change(good.length - 12, 3), "ARCHIVE_MALFORMED"],
    ["ZIP64", change(good.length - 12, 0xff, 0xff), "ARCHIVE_UNSUPPORTED"],
  ])("%s", (_what, bytes, code) => {
    expect(() => readArchive(bytes)).toThrow(expect.objectContaining({ code }));
  });

  test.each(["../x", "a/../../x", "/etc/passwd", "a//b", "./a", "a/.", "a\0b"])("the name %j", (name) => {
    expect(() => readArchive(zipSync({ [name]: new Uint8Array() }))).toThrow(
      expect.objectContaining({ code: "ARCHIVE_UNSUPPORTED" }),
    );
  });

  test("a name that is a file and a folder", () => {
    expect(() => readArchive(zipSync({ a: new Uint8Array(), "a/b": new Uint8Array() }))).toThrow(
      expect.objectContaining({ code: "ARCHIVE_MALFORMED" }),
    );
  });

  test("one that was cut at any byte, or changed at any byte, gives its own error or a table", () => {
    for (let at = 0; at < good.length; at++) {
      for (const bytes of [good.subarray(0, at), change(at, (good[at] ?? 0) ^ 0xff)]) {
        try {
          readArchive(bytes);
        } catch (error) {
          expect((error as { code?: string }).code, `at ${at}`).toMatch(/^ARCHIVE_/);
        }
      }
    }
  });
});

describe("a mounted archive", () => {
  test("shows files, folders, sizes and times", async () => {
    const root = writeFolder(join(scratch.path, "times"), { "sub/a.txt": "hello", "empty/": "", zero: "" });
    setTime(join(root, "sub/a.txt"), 1_700_000_001);
    const { php } = await mountedArchive(writeArchive(collectApplication(root)));
    expect(await php('echo json_encode([scandir("/app"), scandir("/app/empty")]);')).toBe(
      '[[".","..","empty","sub","zero"],[".",".."]]',
    );
    expect(await php('echo filemtime("/app/sub/a.txt"), " ", filesize("/app/sub/a.txt");')).toBe("1700000001 5");
    expect(await php('var_dump(file_get_contents("/app/zero"), is_dir("/app/sub"), file_exists("/app/sub/b"));')).toBe(
      'string(0) ""\nbool(true)\nbool(false)\n',
    );
  });

  test("runs scripts that include each other, from opcache the second time", async () => {
    const { host, status } = await mounted({
      "index.php": "<?php require __DIR__ . '/lib/f.php'; echo f();",
      "lib/f.php": "<?php function f() { return 'from the archive'; }",
    });
    expect((await runScript(host, "/app/index.php")).body).toBe("from the archive");
    const { inflated } = status;
    expect((await runScript(host, "/app/index.php")).body).toBe("from the archive");
    expect(status.inflated).toBe(inflated);
  });

  test("keeps few inflated files and gives the right bytes all the same", async () => {
    const files = Object.fromEntries(
      Array.from({ length: 60 }, (_, i) => [`f${i}.txt`, `${i}:`.repeat(5000)] as const),
    );
    const { status, php } = await mounted(files, { cacheBytes: 50_000 });
    const sums = 'echo json_encode(array_map(fn ($i) => md5_file("/app/f$i.txt"), range(0, 59)));';
    const expected = JSON.stringify(Object.values(files).map((text) => createHash("md5").update(text).digest("hex")));
    for (let i = 0; i < 3; i++) expect(await php(sums)).toBe(expected);
    expect(status.evicted).toBeGreaterThan(150);
    expect(status.cachedBytes).toBeLessThanOrEqual(50_000);
  });

  test("reads a file that is larger than the cache, without inflating it for every piece", async () => {
    const large = randomBytes(1_000_000).toString("base64");
    const { status, php } = await mounted({ "large.txt": large, "a.txt": "a" }, { cacheBytes: 1000 });
    const md5 = createHash("md5").update(large).digest("hex");
    expect(
      await php(
        '$f = fopen("/app/large.txt", "r"); $c = hash_init("md5"); while (!feof($f)) hash_update($c, fread($f, 100)); echo hash_final($c);',
      ),
    ).toBe(md5);
    expect(status.inflated).toBe(1);
    expect(await php('echo file_get_contents("/app/a.txt");')).toBe("a");
    expect(status.cachedBytes).toBe(1);
  });

  test("keeps no more of a small file than its bytes", async () => {
    const files = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`f${i}.txt`, `a small file, ${i}`]));
    const { host, php } = await mounted(files);
    const before = (await keptBytes()) - host.memory;
    expect(await php('foreach (glob("/app/*") as $f) $t = file_get_contents($f); echo $t;')).toBe("a small file, 999");
    expect((await keptBytes()) - host.memory - before).toBeLessThan(1000 * 1024);
  });

  test("inflates with fflate as well", async () => {
    const { php } = await mounted(
      { "a.txt": "text ".repeat(1000) },
      { inflate: (data, size) => inflateSync(data, { out: new Uint8Array(size) }) },
    );
    expect(await php('echo md5_file("/app/a.txt");')).toBe(
      createHash("md5").update("text ".repeat(1000)).digest("hex"),
    );
  });

  const TEXT = "0123456789".repeat(10);

  test.each<[what: string, code: string, result: string]>([
    ["overwrites", 'file_put_contents("/app/a.txt", "new"); echo file_get_contents("/app/a.txt");', "new"],
    ["appends", 'file_put_contents("/app/a.txt", "+", FILE_APPEND); echo md5_file("/app/a.txt");', md5(`${TEXT}+`)],
    [
      "writes into the middle",
      '$f = fopen("/app/a.txt", "r+"); fseek($f, 50); fwrite($f, "XY"); fclose($f); echo md5_file("/app/a.txt"), filesize("/app/a.txt");',
      `${md5(`${TEXT.slice(0, 50)}XY${TEXT.slice(52)}`)}100`,
    ],
    [
      "writes behind the end",
      '$f = fopen("/app/a.txt", "r+"); fseek($f, 110); fwrite($f, "Z"); fclose($f); echo md5_file("/app/a.txt");',
      md5(`${TEXT}${"\0".repeat(10)}Z`),
    ],
    [
      "shortens",
      '$f = fopen("/app/a.txt", "r+"); ftruncate($f, 7); fclose($f); echo file_get_contents("/app/a.txt");',
      "0123456",
    ],
    [
      "lengthens",
      '$f = fopen("/app/a.txt", "r+"); ftruncate($f, 103); fclose($f); echo md5_file("/app/a.txt");',
      md5(`${TEXT}\0\0\0`),
    ],
    ["empties", 'fclose(fopen("/app/a.txt", "w")); echo filesize("/app/a.txt"), file_get_contents("/app/a.txt");', "0"],
    [
      "empties and writes",
      'file_put_contents("/app/a.txt", ""); file_put_contents("/app/a.txt", "x", FILE_APPEND); echo file_get_contents("/app/a.txt");',
      "x",
    ],
    [
      "renames a file",
      'rename("/app/a.txt", "/app/b.txt"); var_dump(file_exists("/app/a.txt")); echo md5_file("/app/b.txt");',
      `bool(false)\n${md5(TEXT)}`,
    ],
    [
      "renames over another one",
      'rename("/app/a.txt", "/app/d/c.txt"); echo md5_file("/app/d/c.txt"), count(scandir("/app/d"));',
      `${md5(TEXT)}3`,
    ],
    ["renames a folder", 'rename("/app/d", "/app/e"); echo file_get_contents("/app/e/c.txt");', "c"],
    [
      "copies",
      'copy("/app/a.txt", "/app/copy.txt"); file_put_contents("/app/copy.txt", "!", FILE_APPEND); echo md5_file("/app/a.txt"), md5_file("/app/copy.txt");',
      md5(TEXT) + md5(`${TEXT}!`),
    ],
    [
      "deletes and makes anew",
      'unlink("/app/a.txt"); var_dump(file_exists("/app/a.txt")); file_put_contents("/app/a.txt", "again"); echo file_get_contents("/app/a.txt");',
      "bool(false)\nagain",
    ],
    [
      "reads on from a deleted file",
      '$f = fopen("/app/a.txt", "r"); unlink("/app/a.txt"); echo md5(stream_get_contents($f));',
      md5(TEXT),
    ],
    [
      "makes and removes folders",
      'mkdir("/app/n/m", 0777, true); touch("/app/n/m/f"); unlink("/app/n/m/f"); rmdir("/app/n/m"); unlink("/app/d/c.txt"); rmdir("/app/d"); echo json_encode(scandir("/app"));',
      '[".","..","a.txt","n"]',
    ],
    [
      "changes mode and time without a copy",
      'chmod("/app/a.txt", 0600); touch("/app/a.txt", 1000); clearstatcache(); echo decoct(fileperms("/app/a.txt")), " ", filemtime("/app/a.txt"), md5_file("/app/a.txt");',
      `100600 1000${md5(TEXT)}`,
    ],
    [
      "sees a change through an open descriptor",
      '$f = fopen("/app/a.txt", "r"); echo fread($f, 1); file_put_contents("/app/a.txt", "Q", FILE_APPEND); fseek($f, 100); echo fread($f, 9);',
      "0Q",
    ],
    [
      "links",
      'symlink("/app/a.txt", "/app/l"); file_put_contents("/app/l", "via"); echo file_get_contents("/app/a.txt");',
      "via",
    ],
  ])("%s as any file does", async (_what, code, result) => {
    const { php } = await mounted({ "a.txt": TEXT, "d/c.txt": "c" });
    expect(await php(code)).toBe(result);
  });

  test("is used by SQLite, which writes here and there and maps", async () => {
    const { php, status } = await mounted({ "index.php": "<?php" });
    // The database is made inside, taken out, and put into an archive.
    const made = await php(`
      $db = new PDO("sqlite:/tmp/shop.sqlite"); $db->exec("CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT)");
      for ($i = 0; $i < 500; $i++) $db->exec("INSERT INTO t (v) VALUES ('value $i')");
      $db = null; echo base64_encode(file_get_contents("/tmp/shop.sqlite"));`);
    expect(status.changed).toBe(0);
    const other = await mounted({ "shop.sqlite": Buffer.from(made, "base64") }, { cacheBytes: 1 });
    expect(
      await other.php(`
        $db = new PDO("sqlite:/app/shop.sqlite"); $db->exec("PRAGMA mmap_size = 1000000");
        echo $db->query("SELECT count(*) FROM t")->fetchColumn(), " ";
        $db->exec("UPDATE t SET v = 'changed' WHERE id % 7 = 0"); $db->exec("DELETE FROM t WHERE id > 490");
        echo $db->query("SELECT count(*) FROM t WHERE v = 'changed'")->fetchColumn(), " ";
        echo $db->query("PRAGMA integrity_check")->fetchColumn();`),
    ).toBe("500 70 ok");
    expect(other.status.changed).toBe(1);
  });

  test("is never written to, whatever kind of array it is", async () => {
    const root = writeFolder(join(scratch.path, "stored"), { "a.png": "0123456789", "b.txt": "0123456789".repeat(9) });
    const archive = Buffer.from(writeArchive(collectApplication(root)));
    const before = Buffer.from(archive);
    const write = (name: string) => `$f = fopen("/app/${name}", "r+"); fwrite($f, "XXXX"); fclose($f);`;
    const { php } = await mountedArchive(archive);
    expect(await php(`${write("a.png")} ${write("b.txt")} echo file_get_contents("/app/a.png");`)).toBe("XXXX456789");
    expect(Buffer.compare(archive, before)).toBe(0);
    const again = await mountedArchive(archive);
    expect(
      await again.php('echo file_get_contents("/app/a.png"), substr(file_get_contents("/app/b.txt"), 0, 9);'),
    ).toBe("0123456789012345678");
  });

  test("damaged data are an error for the script that reads them, and for no other", async () => {
    const root = writeFolder(join(scratch.path, "damaged"), { "a.txt": "a".repeat(500), "b.txt": "b".repeat(500) });
    const archive = writeArchive(collectApplication(root));
    const a = readArchive(archive).find(({ path }) => path === "a.txt");
    archive.fill(0xff, (a?.offset ?? 0) + 30 + 5 + 9, (a?.offset ?? 0) + 30 + 5 + 9 + (a?.compressedSize ?? 0));
    const { php } = await mountedArchive(archive);
    expect(
      await php('var_dump(@file_get_contents("/app/a.txt")); echo strlen(file_get_contents("/app/b.txt"));'),
    ).toMatch(/^(bool\(false\)|string\(0\) "")\n500$/);
  });

  test("of 60 MB takes little memory", async () => {
    // Words as in sources, so that it compresses as those do.
    const words = Array.from({ length: 3000 }, () => randomBytes(4).toString("hex"));
    const root = join(scratch.path, "large");
    let bytes = 0;
    for (let i = 0; i < 3000; i++) {
      const text = `<?php // ${i}\n${Array.from({ length: 2200 }, (_, k) => words[(i * 7919 + k * k) % 3000]).join(" ")}`;
      bytes += text.length;
      writeFolder(root, { [`d${i % 50}/f${i}.php`]: text });
    }
    expect(bytes).toBeGreaterThan(59_000_000);
    const archive = writeArchive(collectApplication(root), { level: 1 });
    const { host, status, php } = await mountedArchive(archive);
    const before = (await keptBytes()) - host.memory;
    const total = await php(
      '$n = 0; foreach (glob("/app/*/*.php") as $f) $n += strlen(file_get_contents($f)); echo $n;',
    );
    expect(Number(total)).toBe(bytes);
    expect(status.files).toBe(3000);
    expect(status.cachedBytes).toBeLessThanOrEqual(8 * 1024 * 1024);
    expect(host.memory).toBeLessThan(40 * 1024 * 1024);
    // What is kept is the cache; linear memory has grown by PHP's own needs.
    expect((await keptBytes()) - host.memory - before).toBeLessThan(12 * 1024 * 1024);
  });
});

/** Bytes of array buffers that are still in use, linear memory included. */
async function keptBytes(): Promise<number> {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  // What native code held goes a turn after the object that owned it.
  for (let i = 0; i < 5; i++) {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return process.memoryUsage().arrayBuffers;
}

function md5(text: string): string {
  return createHash("md5").update(text).digest("hex");
}
