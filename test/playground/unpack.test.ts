// An archive that a visitor brings, unpacked into the store: what is taken, what is refused, what stays.

import { strToU8, type Zippable, zipSync } from "fflate";
import { expect, test } from "vitest";
import { unpack } from "../../playground/engine/server/unpack.ts";
import { frontControllerOf } from "../../playground/engine/server/unpacked.ts";
import { PageFiles } from "../../src/platform/browser/page-files.ts";

const FOLDER = "/www/site";

function files(limits = {}): PageFiles {
  return new PageFiles({ directories: ["/www", "/tmp"], limits });
}

const zip = (content: Zippable) => new Blob([new Uint8Array(zipSync(content))]);

const paths = (into: PageFiles) => into.list().map(({ path }) => path);

const front = (into: PageFiles) => frontControllerOf(into, "/www", "/site/");

test("leaves out the one folder that holds everything, and what packers add", async () => {
  const into = files();
  const archive = zip({
    "app-1.0/index.php": strToU8("<?php"),
    "app-1.0/lib/a/b.php": strToU8("b"),
    "app-1.0/.git/config": strToU8("x"),
    "__MACOSX/app-1.0/._index.php": strToU8("x"),
    "app-1.0/empty.txt": new Uint8Array(0),
  });
  const told: number[] = [];
  const done = await unpack(archive, into, FOLDER, ({ files }) => told.push(files));
  expect(done).toEqual({ files: 3, totalFiles: 3, bytes: 6, totalBytes: 6 });
  expect(paths(into)).toEqual(["/www/site/empty.txt", "/www/site/index.php", "/www/site/lib/a/b.php"]);
  expect(front(into)).toEqual({ folder: "/site/", script: "/site/index.php" });
});

test("finds the script that answers in a folder for visitors", async () => {
  const into = files();
  await unpack(zip({ "public/index.php": strToU8("p"), "src/a.php": strToU8("a") }), into, FOLDER, () => {});
  expect(front(into)).toEqual({ folder: "/site/public/", script: "/site/public/index.php" });
});

test("puts an application in the place of the one before, with files of more than a batch", async () => {
  const into = files();
  const large = new Uint8Array(5 * 1024 * 1024).map((_, at) => at % 251);
  const before: Record<string, Uint8Array> = { "index.php": strToU8("old") };
  for (let at = 0; at < 1200; at++) before[`dir${at % 7}/file${at}`] = strToU8(String(at));
  await unpack(zip(before), into, FOLDER, () => {});
  expect(paths(into)).toHaveLength(1201);
  await unpack(zip({ "index.php": strToU8("new"), "large.bin": large }), into, FOLDER, () => {});
  expect(paths(into)).toEqual(["/www/site/index.php", "/www/site/large.bin"]);
  expect(into.get("/www/site/index.php")).toEqual(strToU8("new"));
  expect(Buffer.compare(into.get("/www/site/large.bin") ?? new Uint8Array(0), large)).toBe(0);
});

test.each([
  ["what is no archive", new Blob(["no zip"]), "ARCHIVE_MALFORMED"],
  [
    "an archive without a script to answer",
    zip({ "a/readme.md": strToU8("x"), "b/index.php": strToU8("x") }),
    "ARCHIVE_NO_APPLICATION",
  ],
  [
    "names that lead out of it",
    zip({ "index.php": strToU8("x"), "../../etc/passwd": strToU8("x") }),
    "ARCHIVE_UNSUPPORTED",
  ],
  [
    "too many files",
    zip(Object.fromEntries(Array.from({ length: 20_001 }, (_, at) => [`f${at}`, new Uint8Array(0)]))),
    "ARCHIVE_LIMIT",
  ],
  ["a file that says it is too long", claiming(65 * 1024 * 1024), "ARCHIVE_LIMIT"],
  ["a file that has more bytes than it says", claiming(10), "ARCHIVE_MALFORMED"],
  ["a file that has fewer bytes than it says", claiming(5000), "ARCHIVE_MALFORMED"],
  [
    "an archive that is too long",
    Object.defineProperty(new Blob([]), "size", { value: 129 * 1024 * 1024 }),
    "ARCHIVE_LIMIT",
  ],
] as const)("refuses %s, and leaves everything as it was", async (_, archive, code) => {
  const into = files();
  await unpack(zip({ "index.php": strToU8("old") }), into, FOLDER, () => {});
  await expect(unpack(archive, into, FOLDER, () => {})).rejects.toMatchObject({ code });
  expect(paths(into)).toEqual(["/www/site/index.php"]);
});

test("refuses what there is no room for, and leaves everything as it was", async () => {
  const into = files({ totalBytes: 100_000 });
  await unpack(zip({ "index.php": strToU8("old") }), into, FOLDER, () => {});
  const archive = zip({ "index.php": strToU8("new"), "large.bin": new Uint8Array(200_000) });
  await expect(unpack(archive, into, FOLDER, () => {})).rejects.toMatchObject({ errno: "ENOSPC" });
  expect(paths(into)).toEqual(["/www/site/index.php"]);
  expect(into.get("/www/site/index.php")).toEqual(strToU8("old"));
});

/** An archive whose table says that its file of 1,000 bytes has another size. */
function claiming(size: number): Blob {
  const bytes = zipSync({ "index.php": new Uint8Array(1000).fill(7) });
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  // The central record (APPNOTE 4.3.12): its signature, and 24 bytes further the size.
  const at = bytes.findIndex((_, index) => index < bytes.length - 4 && view.getUint32(index, true) === 0x02014b50);
  view.setUint32(at + 24, size, true);
  return new Blob([new Uint8Array(bytes)]);
}
