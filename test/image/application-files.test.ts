import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { collectApplication } from "../../src/image/application-files.ts";
import { makeScratch } from "../peers/scratch.ts";
import { Link, writeFolder } from "./application.ts";

const scratch = makeScratch("files");
afterAll(() => scratch.remove());

let count = 0;
function folder(files: Parameters<typeof writeFolder>[1]): string {
  return writeFolder(join(scratch.path, String(++count)), files);
}

function paths(root: string, options?: Parameters<typeof collectApplication>[1]): string[] {
  return collectApplication(root, options).files.map(({ path }) => path);
}

const KEY = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
const CERTIFICATE = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";

test("finds files and folders, empty ones too, in the order of their names", () => {
  const root = folder({
    "b.php": "",
    "a/z.php": "",
    "a/b/c.php": "1234",
    "a.php": "",
    "data/cache/": "",
    "10": "",
    "9": "",
  });
  const application = collectApplication(root);
  expect(application.files.map(({ path }) => path)).toEqual(["10", "9", "a/b/c.php", "a/z.php", "a.php", "b.php"]);
  expect(application.directories).toEqual(["a", "a/b", "data", "data/cache"]);
  expect(application.files[2]).toMatchObject({ size: 4, source: join(root, "a/b/c.php"), denied: false });
});

test("leaves out version control, tools and their output", () => {
  const root = folder({
    "index.php": "",
    ".git/config": "",
    "sub/.git": "gitdir: elsewhere",
    "node_modules/x/index.js": "",
    "sub/node_modules/y.js": "",
    ".wrangler/state": "",
    ".edge-fpm/app.zip": "",
    "wrangler.toml": "",
    "sub/wrangler.toml": "",
    ".edgefpmignore": "",
    "vendor/autoload.php": "",
    ".htaccess": "",
    ".well-known/security.txt": "",
    "readme.md": "",
  });
  expect(paths(root)).toEqual([
    ".htaccess",
    ".well-known/security.txt",
    "index.php",
    "readme.md",
    "sub/wrangler.toml",
    "vendor/autoload.php",
  ]);
});

describe("secrets", () => {
  test("stay behind and are named", () => {
    const root = folder({
      "index.php": "",
      ".env": "A=1",
      ".env.production": "A=1",
      ".env.example": "A=",
      "sub/.env": "A=1",
      ".dev.vars": "A=1",
      "auth.json": "{}",
      ".ssh/config": "",
      "keys/id_ed25519": KEY,
      "keys/server.pem": KEY,
      "keys/ca.pem": CERTIFICATE,
      "keys/store.p12": "",
      "translations/de.key": "not a key",
    });
    const application = collectApplication(root);
    expect(application.files.map(({ path }) => path)).toEqual([
      ".env.example",
      "index.php",
      "keys/ca.pem",
      "translations/de.key",
    ]);
    expect(application.secrets).toEqual([
      ".dev.vars",
      ".env",
      ".env.production",
      ".ssh/config",
      "auth.json",
      "keys/id_ed25519",
      "keys/server.pem",
      "keys/store.p12",
      "sub/.env",
    ]);
  });

  test("come along when the author says so", () => {
    const root = folder({ ".edgefpmignore": "!keys/server.pem\n", "keys/server.pem": KEY, "keys/other.pem": KEY });
    expect(collectApplication(root)).toMatchObject({
      files: [{ path: "keys/server.pem" }],
      secrets: ["keys/other.pem"],
    });
  });
});

test("the application's own rules are those of .gitignore, and further ones come after them", () => {
  const root = folder({
    ".edgefpmignore": "# tests stay at home\n/tests/\n*.psd\r\n!logo.psd\n",
    "index.php": "",
    "tests/a.php": "",
    "src/tests/b.php": "",
    "a.psd": "",
    "logo.psd": "",
    "big.mp4": "",
  });
  expect(paths(root, { ignore: ["*.mp4"] })).toEqual(["index.php", "logo.psd", "src/tests/b.php"]);
});

describe("a symbolic link", () => {
  test("inside the application is followed, to files and folders", () => {
    const root = folder({
      "real/a.php": "1234",
      "file.php": new Link("real/a.php"),
      folder: new Link("real"),
    });
    expect(paths(root)).toEqual(["file.php", "folder/a.php", "real/a.php"]);
    expect(collectApplication(root).files[0]).toMatchObject({ size: 4, source: join(root, "real/a.php") });
  });

  test("out of the application is refused by name, unless it is ignored or its folder allowed", () => {
    const outside = folder({ "library/x.php": "" });
    const root = folder({ "index.php": "", "lib/shared": new Link(join(outside, "library")) });
    expect(() => collectApplication(root)).toThrow(
      expect.objectContaining({ code: "IMAGE_LINK", message: expect.stringContaining("lib/shared") }),
    );
    expect(paths(root, { ignore: ["lib/shared"] })).toEqual(["index.php"]);
    expect(paths(root, { linked: [outside] })).toEqual(["index.php", "lib/shared/x.php"]);
  });

  test("to a folder beside the application with the same beginning is one out of it", () => {
    const root = folder({ "index.php": "" });
    mkdirSync(`${root}-other`);
    writeFileSync(join(`${root}-other`, "a"), "");
    writeFolder(root, { link: new Link(`${root}-other/a`) });
    expect(() => collectApplication(root)).toThrow(expect.objectContaining({ code: "IMAGE_LINK" }));
  });

  test("to nowhere is left out and named", () => {
    const root = folder({ "a/link": new Link("nowhere"), "b.php": new Link("/no/such/file"), "c.php": "" });
    const { files, dangling } = collectApplication(root);
    expect(files.map(({ path }) => path)).toEqual(["c.php"]);
    expect(dangling).toEqual(["a/link", "b.php"]);
  });

  test("in a circle is left out and named", () => {
    for (const to of ["..", ".", "loop"]) {
      const root = folder({ "a/loop": new Link(to), "a/b.php": "" });
      const { files, directories, dangling } = collectApplication(root);
      expect(
        files.map(({ path }) => path),
        to,
      ).toEqual(["a/b.php"]);
      expect(directories, to).toEqual(["a"]);
      expect(dangling, to).toEqual(["a/loop"]);
    }
  });
});

test("too many files, too large ones and too many bytes are refused with the name that was too much", () => {
  const root = folder({ "a.php": "12345", "b.php": "12345", "c.php": "12345" });
  const refuse = (limits: object, message: string) =>
    expect(() => collectApplication(root, { limits })).toThrow(
      expect.objectContaining({ code: "IMAGE_LIMIT", message: expect.stringContaining(message) }),
    );
  refuse({ files: 2 }, "c.php");
  refuse({ fileBytes: 4 }, "a.php has 5 bytes");
  refuse({ totalBytes: 9 }, "b.php");
  expect(paths(root, { limits: { files: 3, fileBytes: 5, totalBytes: 15 } })).toHaveLength(3);
});

test("a name that is not UTF-8 is refused", () => {
  const root = folder({ "index.php": "" });
  writeFileSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.from([0xe9])]), "");
  expect(() => collectApplication(root)).toThrow(expect.objectContaining({ code: "IMAGE_NAME" }));
});

test("pipes are no files of an application", () => {
  const root = folder({ "index.php": "" });
  execFileSync("mkfifo", [join(root, "pipe")]);
  expect(paths(root)).toEqual(["index.php"]);
});

test("a folder that an .htaccess file closes is marked as such, with all below", () => {
  const root = folder({
    "index.php": "",
    ".htaccess": '<FilesMatch "^\\.ht">\n  Require all denied\n</FilesMatch>\n',
    "data/.htaccess": "<IfModule mod_authz_host>\n    Require all denied\n</IfModule>\n",
    "data/pages/start.txt": "",
    "old/.htaccess": "Order allow,deny\nDENY FROM ALL\n",
    "old/a.txt": "",
    "free/.htaccess": "# Require all denied\n",
    "free/a.txt": "",
  });
  const denied = collectApplication(root).files.filter((file) => file.denied);
  expect(denied.map(({ path }) => path)).toEqual([
    "data/.htaccess",
    "data/pages/start.txt",
    "old/.htaccess",
    "old/a.txt",
  ]);
});
