import { randomFillSync } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "smol-toml";
import { afterAll, describe, expect, test } from "vitest";
import { type BuildOptions, buildApplication } from "../../src/image/build.ts";
import { readArchive } from "../../src/php/archive.ts";
import { makeScratch } from "../peers/scratch.ts";
import { writeFolder } from "./application.ts";

const scratch = makeScratch("build");
afterAll(() => scratch.remove());

let count = 0;
function application(files: Parameters<typeof writeFolder>[1]): string {
  return writeFolder(join(scratch.path, `app-${++count}`), files);
}

const SMALL = {
  "index.php": "<?php echo 'hello';",
  "style.css": "body {}",
  "img/a.png": "png",
  "lib/a.inc": "<?php",
  "data/.htaccess": "Require all denied",
  "data/secret.txt": "for nobody",
  "composer.json": "{}",
  ".env": "KEY=1",
};

function archived(out: string): string[] {
  return readArchive(readFileSync(join(out, "worker/app.zip")))
    .filter(({ directory }) => !directory)
    .map(({ path }) => path)
    .sort();
}

function published(out: string): string[] {
  const files: string[] = [];
  const walk = (below: string): void => {
    for (const entry of readdirSync(join(out, "assets", below), { withFileTypes: true })) {
      if (entry.isDirectory()) walk(`${below}${entry.name}/`);
      else files.push(below + entry.name);
    }
  };
  walk("");
  return files.sort();
}

function build(root: string, options: Partial<BuildOptions> = {}) {
  // What a snapshot is made of has tests of its own.
  return buildApplication({ root, warmUp: false, ...options });
}

describe("a build", () => {
  test("refuses an extension that an image cannot load, and takes a line for one that is built in", async () => {
    const root = application(SMALL);
    await expect(build(root, { ini: "extension=intl\n" })).rejects.toMatchObject({
      code: "PHP_EXTENSION",
      message: expect.stringContaining('"intl", which there is not (at the edge)'),
    });
    const { out } = await build(root, { ini: "extension=curl\nmemory_limit = 30M\n" });
    expect(readFileSync(join(out, "worker/php.ini.txt"), "utf8")).toBe(";\nmemory_limit = 30M\n");
  });

  test("holds the Worker's modules, the archive, static files and a configuration", async () => {
    const root = application(SMALL);
    const report = await build(root, { ini: "memory_limit = 30M\n", pool: { maxChildren: 3 } });
    expect(report).toMatchObject({
      out: join(root, ".edge-fpm"),
      name: expect.stringMatching(/^app-\d+$/),
      php: expect.stringMatching(/^8\.4\./),
      version: expect.stringMatching(/^[0-9a-f]{12}$/),
      files: 7,
      secrets: [".env"],
      assets: 2,
    });
    expect(readdirSync(join(report.out, "worker")).sort()).toEqual([
      "app.zip",
      "ca.txt",
      "interpreter.txt",
      "main.js",
      "php.ini.txt",
      "php.wasm",
      "snapshot.bin",
    ]);
    expect(archived(report.out)).toEqual(
      Object.keys(SMALL)
        .filter((path) => path !== ".env")
        .sort(),
    );
    expect(published(report.out)).toEqual(["img/a.png", "style.css"]);
    expect(readFileSync(join(report.out, "worker/php.ini.txt"), "utf8")).toBe("memory_limit = 30M\n");
    expect(readFileSync(join(report.out, "worker/ca.txt"), "utf8")).toMatch(/^-----BEGIN CERTIFICATE-----/);
    const main = readFileSync(join(report.out, "worker/main.js"), "utf8");
    expect(main).toContain(report.version);
    expect(main).toMatch(/maxChildren:\s?3/);
    expect(parse(readFileSync(report.config, "utf8"))).toMatchObject({ main: "worker/main.js", name: report.name });
    // Version control must not take it.
    expect(readFileSync(join(report.out, ".gitignore"), "utf8")).toMatch(/^\*$/m);
    expect(report.warnings).toEqual([expect.stringContaining(".env")]);
  });

  test("of the same files is the same again, touches nothing, and leaves itself out", async () => {
    const root = application(SMALL);
    const first = await build(root);
    const times = () =>
      ["worker/php.wasm", "worker/main.js", "assets/style.css"].map((f) => statSync(join(first.out, f)).mtimeMs);
    const before = times();
    const again = await build(root);
    expect(again.version).toBe(first.version);
    expect(again.files).toBe(first.files);
    expect(times()).toEqual(before);
  });

  test("follows changes: new, changed, deleted files, and a folder where a file was", async () => {
    const root = application(SMALL);
    const first = await build(root);
    writeFolder(root, { "index.php": "<?php echo 'changed';", "style2.css": "x" });
    rmSync(join(root, "style.css"));
    writeFolder(root, { "style.css/inner.css": "y" });
    const second = await build(root);
    expect(second.version).not.toBe(first.version);
    expect(published(second.out)).toEqual(["img/a.png", "style.css/inner.css", "style2.css"]);
  });

  test("of an application with a public folder shows that one only", async () => {
    const root = application({ "src/a.css": "", "public/index.php": "", "public/b.css": "", "public/c.zip": "" });
    const report = await build(root, { documentRoot: "./public/", frontController: "/index.php", publish: ["*.zip"] });
    expect(published(report.out)).toEqual(["b.css", "c.zip"]);
    expect(archived(report.out)).toContain("src/a.css");
    expect(readFileSync(join(report.out, "worker/main.js"), "utf8")).toContain("/app/public");
    expect(report.warnings).toEqual([]);
  });

  test("leaves static files that PHP does not need out of the archive, and nothing else", async () => {
    const root = application(SMALL);
    const report = await build(root, { assetsOnly: ["*.png", "*.php", "data/"] });
    expect(archived(report.out)).not.toContain("img/a.png");
    expect(archived(report.out)).toContain("index.php");
    expect(archived(report.out)).toContain("data/secret.txt");
    expect(published(report.out)).toContain("img/a.png");
  });

  test("takes the application's own wrangler settings", async () => {
    const root = application({ ...SMALL, "wrangler.toml": 'name = "my-shop"\n[vars]\nA = "1"\n' });
    const report = await build(root);
    expect(report.name).toBe("my-shop");
    expect(parse(readFileSync(report.config, "utf8"))).toMatchObject({ name: "my-shop", vars: { A: "1" } });
    const renamed = await build(root, { name: "other" });
    expect(parse(readFileSync(renamed.config, "utf8")).name).toBe("other");
  });

  test("warns of a missing index and front controller", async () => {
    const root = application({ "public/index.php": "", "a.php": "" });
    expect((await build(root)).warnings).toEqual([expect.stringContaining("is it public/?")]);
    expect((await build(root, { frontController: "/front.php" })).warnings).toEqual([
      expect.stringContaining("/front.php"),
    ]);
  });
});

describe("what is refused", () => {
  test("an output folder that holds other things", async () => {
    const root = application(SMALL);
    const out = join(scratch.path, "precious");
    mkdirSync(out);
    writeFileSync(join(out, "thesis.txt"), "");
    await expect(build(root, { out })).rejects.toMatchObject({ code: "IMAGE_OPTION" });
    expect(existsSync(join(out, "thesis.txt"))).toBe(true);
    await expect(build(root, { out: root })).rejects.toMatchObject({ code: "IMAGE_OPTION" });
  });

  test("a document root that is not there", async () => {
    for (const documentRoot of ["public", "../elsewhere", "index.php"]) {
      await expect(build(application(SMALL), { documentRoot })).rejects.toMatchObject({ code: "IMAGE_OPTION" });
    }
  });

  test("a place for the application that is PHP's own, or no path", async () => {
    for (const mount of ["app", "/", "/tmp/", "/a/../b", "/internal"]) {
      await expect(build(application(SMALL), { mount })).rejects.toMatchObject({ code: "IMAGE_OPTION" });
    }
  });

  test("a static file above the platform's limit, before anything is written", async () => {
    const root = application({ "index.php": "", "film.mp4": new Uint8Array(25 * 1024 * 1024 + 1) });
    await expect(build(root)).rejects.toMatchObject({
      code: "IMAGE_LIMIT",
      message: expect.stringContaining("film.mp4"),
    });
    expect(existsSync(join(root, ".edge-fpm"))).toBe(false);
  });

  test("a Worker above the platform's limit", async () => {
    const root = application({ "index.php": "", "a.dat": randomFillSync(new Uint8Array(46 * 1024 * 1024)) });
    await expect(build(root)).rejects.toMatchObject({
      code: "IMAGE_LIMIT",
      message: expect.stringMatching(/app\.zip 48\.\d MB.*67\.1 MB/),
    });
  });

  test("settings of wrangler that cannot be read", async () => {
    const root = application({ ...SMALL, "wrangler.jsonc": "{ oops }" });
    await expect(build(root)).rejects.toMatchObject({ code: "IMAGE_OPTION" });
  });
});
