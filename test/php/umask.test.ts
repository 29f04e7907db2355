// Permissions of what scripts make, as php-fpm and the operating system give them.

import { statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Fixture } from "./fixture.ts";

let fixture: Fixture;
beforeAll(async () => {
  fixture = await Fixture.boot();
}, 30_000);
afterAll(() => fixture[Symbol.dispose]());

const mode = (name: string, by = fixture) => (statSync(join(by.scratch.root, name)).mode & 0o7777).toString(8);

/** Makes one of each in a new folder, and tells their permissions. */
const MAKE = `
  mkdir($d); file_put_contents("$d/put", 'x'); fclose(fopen("$d/opened", 'x')); touch("$d/touched");
  mkdir("$d/all", 0777); mkdir("$d/sticky", 01777); copy("$d/put", "$d/copied"); $t = tempnam($d, 't'); rename($t, "$d/temporary");
  clearstatcache();
  $modes = []; foreach (scandir($d) as $name) if ($name[0] !== '.') $modes[$name] = decoct(fileperms("$d/$name") & 07777);
  echo json_encode($modes);`;

const make = async (name: string, before = "", by = fixture) =>
  JSON.parse((await by.php(`${before} $d = __DIR__ . '/${name}'; ${MAKE}`)).body);

test("what a script makes has the permissions that the process's umask leaves", async () => {
  const file = (0o666 & ~process.umask()).toString(8);
  const folder = (0o777 & ~process.umask()).toString(8);
  const expected = { copied: file, opened: file, put: file, temporary: "600", touched: file, all: folder };
  expect(await make("usual")).toMatchObject(expected);
  for (const [name, permissions] of Object.entries(expected)) expect(mode(`usual/${name}`)).toBe(permissions);
});

test("umask() counts for the rest of the request, and no longer", async () => {
  expect(await make("closed", "umask(0077);")).toMatchObject({ put: "600", opened: "600", touched: "600", all: "700" });
  expect(await make("open", "umask(0);")).toMatchObject({ put: "666", opened: "666", all: "777" });
  expect((await fixture.php("echo umask(0027), ' ', umask();")).body).toBe(`${process.umask()} ${0o027}`);
  expect((await fixture.php("echo umask();")).body).toBe(String(process.umask()));
  expect((await fixture.php("umask(0777); file_put_contents(__DIR__ . '/none', 'x');")).stderr).toBe("");
  expect(mode("none")).toBe("0");
});

test("a file that is there keeps its permissions", async () => {
  await fixture.php("$f = __DIR__ . '/kept'; touch($f); chmod($f, 0640); file_put_contents($f, 'x');");
  expect(mode("kept")).toBe("640");
});

test("an interpreter takes over the mask that the process has when it starts", async () => {
  const before = process.umask(0o027);
  try {
    using careful = await Fixture.boot();
    expect(await make("careful", "", careful)).toMatchObject({ put: "640", touched: "640", all: "750" });
    for (let n = 0; n < 2; n++) expect((await careful.php("echo decoct(umask(0));")).body).toBe("27");
    expect(await make("lifted", "umask(0);", careful)).toMatchObject({ put: "666", all: "777" });
  } finally {
    process.umask(before);
  }
}, 30_000);
