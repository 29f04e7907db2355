// Paths that are no UTF-8 are no other path's, neither on a disk nor in memory.

import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { EILSEQ, refuseOtherPaths } from "../../../src/php/files/encoding.ts";
import type { PhpModule } from "../../../src/php/glue.ts";
import { Child, Store } from "../durable/child.ts";
import { Fixture } from "../fixture.ts";
import { ALL_RIGHT, ENCODING_SCRIPT } from "./encoding-script.ts";

/** Answers of the script in some folders. */
function script(tops: readonly string[]): string {
  return `$tops = ${JSON.stringify(tops)}; ${ENCODING_SCRIPT}`;
}

describe("on a disk", () => {
  let fixture: Fixture;
  let root: string;
  beforeAll(async () => {
    fixture = await Fixture.boot();
    root = fixture.scratch.root;
  }, 30_000);
  afterAll(() => fixture[Symbol.dispose]());

  test("paths that are no UTF-8 fail, and all others mean what they say", { timeout: 60_000 }, async () => {
    // The interpreter's own /tmp is in memory here.
    const { body, stderr } = await fixture.php(script(["/tmp/t", join(root, "a-folder-with-a-longer-name")]));
    expect([body, stderr]).toEqual([ALL_RIGHT, ""]);
  });

  test("open_basedir is no reading of other bytes", async () => {
    fixture.scratch.write("secret", "secret");
    mkdirSync(join(root, "open"));
    const { body } =
      await fixture.php(`ini_set('open_basedir', '${root}/open'); chdir('${root}/open'); $p = "..\\xc0\\xafsecret";
      echo json_encode([@file_get_contents($p), is_file($p), @unlink($p), @copy($p, 'mine'), @file_get_contents('../secret')]);`);
    expect(body).toBe("[false,false,false,false,false]");
    expect(readFileSync(join(root, "secret"), "utf8")).toBe("secret");
  });

  test("a request for such a script runs no other", () => {
    fixture.scratch.write("\ufffd.php", "");
    fixture.scratch.write("p.php", "");
    expect(fixture.host.lookup(`${root}/\xef\xbf\xbd.php`)).toBe("file");
    expect(fixture.host.lookup(`${root}/\xe4.php`)).toBeUndefined();
    expect(fixture.host.lookup(`${root}/x\xc0\xaf../p.php`)).toBeUndefined();
    expect(fixture.host.lookup(`${root}\xc0\xafp.php`)).toBeUndefined();
  });

  test("names of others that are no UTF-8 are not listed, and such links lead nowhere", async () => {
    const folder = join(root, "others");
    mkdirSync(folder);
    const raw = (name: string) => Buffer.concat([Buffer.from(`${folder}/`), Buffer.from(name, "latin1")]);
    writeFileSync(raw("\xe4.txt"), "A");
    symlinkSync(Buffer.from("\xe4.txt", "latin1"), raw("link"));
    writeFileSync(join(folder, "\u00e9"), "");
    const look = `clearstatcache(); echo json_encode([scandir('${folder}'), @readlink('${folder}/link'), @file_get_contents('${folder}/link'), is_link('${folder}/link'), is_file('${folder}/link')]), ' ';`;
    const first = await fixture.php(look);
    expect(first.body).toBe('[[".","..","link","\\u00e9"],false,false,true,false] ');
    writeFileSync(join(folder, "\ufffd.txt"), "B");
    const then = await fixture.php(`${look} echo unlink('${folder}/\u{fffd}.txt');`);
    expect(then.body).toBe('[[".","..","link","\\u00e9","\\ufffd.txt"],false,false,true,false] 1');
    expect(existsSync(raw("\xe4.txt"))).toBe(true);
    unlinkSync(raw("link"));
    rmSync(folder, { recursive: true });
  });
});

describe("in memory", () => {
  test("paths that are no UTF-8 fail, and all others mean what they say", { timeout: 60_000 }, async () => {
    const child = await new Child(new Store(), "one").boot();
    expect(await child.run(script(["/srv/t", "/srv/a-folder-with-a-longer-name", "/tmp/t"]))).toBe(ALL_RIGHT);
  });
});

/** Which arguments of its system calls a glue reads as text, and how many they have. */
function textArguments(source: string): Map<string, { places: number[]; count: number }> {
  const found = new Map<string, { places: number[]; count: number }>();
  for (const [, name = "", list = "", body = ""] of source.matchAll(
    /^\tfunction (_{3}syscall_\w+)\(([^)]*)\) \{\n(.*?)^\t\}/gms,
  )) {
    const names = list.split(/,\s*/);
    const places = [...body.matchAll(/(?:SYSCALLS\.getStr|UTF8ToString)\((\w+)\)/g)].map(([, of = ""]) =>
      names.indexOf(of),
    );
    found.set(name.slice(1), { places, count: names.length });
  }
  return found;
}

describe("every system call of a glue", () => {
  const require = createRequire(import.meta.url);
  const sources = ["node-8-2", "node-8-4", "web-8-2", "web-8-4"].flatMap((name) => {
    const folder = dirname(require.resolve(`@php-wasm/${name}`));
    return ["jspi", "asyncify"].flatMap((mode) =>
      readdirSync(join(folder, mode))
        .filter((file) => /^php_.*\.js$/.test(file))
        .map((file) => join(folder, mode, file)),
    );
  });
  // A path that is one at 8, one that is none at 32.
  const HEAPU8 = new Uint8Array(64);
  HEAPU8.set([0x2f, 0xc3, 0xa9], 8);
  HEAPU8.set([0x2e, 0x2e, 0xc0, 0xaf, 0x73], 32);
  const module = () => ({ HEAPU8 }) as unknown as PhpModule;

  test.each(sources)("%s", (file) => {
    const calls = textArguments(readFileSync(file, "utf8"));
    expect([...calls.values()].filter(({ places }) => places.length > 0)).toHaveLength(16);
    const env = Object.fromEntries([...calls.keys()].map((name): [string, () => number] => [name, () => 0]));
    refuseOtherPaths({ env }, module);
    for (const [name, { places, count }] of calls) {
      expect(places, name).not.toContain(-1);
      const call = env[name] as (...values: number[]) => number;
      expect([name, call(...Array.from({ length: count }, () => 8))]).toEqual([name, 0]);
      expect([name, call(...Array.from({ length: count }, () => 0))]).toEqual([name, 0]);
      for (let n = 0; n < count; n++) {
        const values = Array.from({ length: count }, (_, place) => (place === n ? 32 : 8));
        expect([name, n, call(...values)]).toEqual([name, n, places.includes(n) ? -EILSEQ : 0]);
      }
    }
  });

  test("is known, or the interpreter does not start", () => {
    expect(() => refuseOtherPaths({ env: { __syscall_openat2: () => 0 } }, module)).toThrow(
      "this release of PHP's glue is not known to this release of edge-fpm: __syscall_openat2 may take paths",
    );
    expect(() =>
      refuseOtherPaths(
        { env: { __syscall_openat: new WebAssembly.Table({ element: "externref", initial: 0 }) } },
        module,
      ),
    ).toThrow("__syscall_openat may take paths");
  });
});
