import { symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Entry, FileSource } from "../../src/gateway/files.ts";
import { locate } from "../../src/gateway/routing/locate.ts";
import { nodeFiles } from "../../src/platform/node/files.ts";
import { documentRoot, echoParams, gatewayOf } from "./application.ts";

/** Files by name; a name that ends in a slash is a folder. */
function source(names: string[]): FileSource & { asked: string[] } {
  const asked: string[] = [];
  const file: Entry = { type: "file", size: 1, modified: 0, read: async () => new Uint8Array(1) };
  return {
    asked,
    find(path) {
      asked.push(path);
      if (names.includes(path)) return path.endsWith("/") ? { type: "directory" } : file;
      return names.includes(`${path}/`) ? { type: "directory" } : undefined;
    },
  };
}

const TREE = [
  "/",
  "/index.php",
  "/a.txt",
  "/a.jpg",
  "/noindex/",
  "/html/",
  "/html/index.html",
  "/sub/",
  "/sub/index.php",
  "/dir.php/",
  "/dir.php/style.css",
  "/dir.php/real.php",
  "/.env",
  "/.git/",
  "/.git/config",
  "/.well-known/",
  "/.well-known/acme",
  "/.well-known/.secret",
  "/x.PHP",
  "/x.phtml",
  "/x.phar",
  "/x.php3",
  "/x.php~",
  "/x.php.bak",
  "/x.php.",
  "/x.php ",
  "/x.php::$DATA",
  "/x.phps",
  "/x.inc",
  "/x.inc.bak",
  "/config.yml~",
  "/config.yml.swp",
  "/config.yml.orig",
  "/include.js",
  "/x.increment",
];

const options = { index: ["index.php", "index.html"], scriptExtensions: [".php"] };

async function outcome(path: string, frontController?: string): Promise<string> {
  const location = await locate(path, source(TREE), { ...options, frontController });
  switch (location.type) {
    case "script":
      return `run ${location.script.scriptName} + ${location.script.pathInfo}`;
    case "file":
      return `send ${location.path}`;
    case "redirect":
      return `to ${location.path}`;
    default:
      return String(location.status);
  }
}

describe("locate", () => {
  test.each([
    ["/", "run /index.php + ", "run /index.php + "],
    ["/index.php", "run /index.php + ", "run /index.php + "],
    ["/index.php/a/b", "run /index.php + /a/b", "run /index.php + /a/b"],
    ["/a.txt", "send /a.txt", "send /a.txt"],
    ["/sub", "to /sub/", "to /sub/"],
    ["/sub/", "run /sub/index.php + ", "run /sub/index.php + "],
    ["/html/", "send /html/index.html", "send /html/index.html"],
    ["/noindex/", "403", "run /index.php + "],
    ["/nothing", "404", "run /index.php + "],
    ["/nothing/", "404", "run /index.php + "],
    ["/nothing.php", "404", "run /index.php + "],
    ["/nothing.php/x", "404", "run /index.php + "],
    ["/a.jpg/x.php", "404", "run /index.php + "],
    ["/dir.php/style.css", "send /dir.php/style.css", "send /dir.php/style.css"],
    ["/dir.php/real.php/info", "run /dir.php/real.php + /info", "run /dir.php/real.php + /info"],
    ["/dir.php", "to /dir.php/", "to /dir.php/"],
  ])("%s: %s, and with a front controller: %s", async (path, without, with_) => {
    expect(await outcome(path)).toBe(without);
    expect(await outcome(path, "/index.php")).toBe(with_);
  });

  test.each([
    "/.env",
    "/.git",
    "/.git/config",
    "/.git/nothing",
    "/sub/.htaccess",
    "/.well-known/.secret",
    "/sub/.well-known/x",
    "/index.php/.hidden",
    "/.well-known-not/x",
  ])("refuses %s: a dotfile", async (path) => {
    expect(await outcome(path)).toBe("403");
    expect(await outcome(path, "/index.php")).toBe("403");
  });

  test("sends what is in /.well-known", async () => {
    expect(await outcome("/.well-known/acme")).toBe("send /.well-known/acme");
  });

  test.each([
    "/x.PHP",
    "/x.phtml",
    "/x.phar",
    "/x.php3",
    "/x.php~",
    "/x.php.bak",
    "/x.php.",
    "/x.php ",
    "/x.php::$DATA",
    "/x.phps",
    "/x.inc",
    "/x.inc.bak",
    "/config.yml~",
    "/config.yml.swp",
    "/config.yml.orig",
  ])("refuses to send %j: source code or a backup", async (path) => {
    expect(await outcome(path)).toBe("403");
    expect(await outcome(path, "/index.php")).toBe("403");
  });

  test.each(["/include.js", "/x.increment"])("sends %s, which only looks a little like it", async (path) => {
    expect(await outcome(path)).toBe(`send ${path}`);
  });

  test("does not send an index that is source code", async () => {
    const location = await locate("/", source(["/", "/index.phtml"]), { ...options, index: ["index.phtml"] });
    expect(location).toMatchObject({ type: "deny", status: 403 });
  });

  test("is not fooled by a front controller that is missing", async () => {
    expect(await outcome("/nothing", "/app.php")).toBe("404");
  });
});

describe("files of this machine", () => {
  test("are found by bytes, and nothing outside the root is, by whatever link", async () => {
    const outside = join(tmpdir(), `edge-fpm-outside-${process.pid}`);
    writeFileSync(outside, "secret");
    const root = await documentRoot({ "a.txt": "a", "caf\u00e9.txt": "b", "real/x.txt": "c", "index.php": "" });
    symlinkSync(outside, join(root, "out.txt"));
    symlinkSync("/etc", join(root, "etc"));
    symlinkSync(join(root, "real"), join(root, "link"));
    symlinkSync(`${root}-sibling`, join(root, "dangling"));
    const files = nodeFiles(root);
    const type = async (path: string) => (await files.find(path))?.type;

    expect(await type("/")).toBe("directory");
    expect(await type("/a.txt")).toBe("file");
    expect(await type("/a.txt/")).toBeUndefined();
    expect(await type("/a.txt/x")).toBeUndefined();
    expect(await type("/caf\u00c3\u00a9.txt")).toBe("file");
    expect(await type("/caf\u00e9.txt")).toBeUndefined();
    expect(await type("/link/x.txt")).toBe("file");
    expect(await type("/out.txt")).toBe("refused");
    expect(await type("/etc")).toBe("refused");
    expect(await type("/etc/passwd")).toBe("refused");
    expect(await type("/dangling")).toBeUndefined();
    expect(await type(`/${"x".repeat(5000)}`)).toBeUndefined();
    expect(await type("/a\0")).toBeUndefined();
    // Defence in depth: the gateway never asks so.
    expect(await type("/../../../../../../etc/passwd")).toBe("refused");

    const following = nodeFiles(root, { followSymlinks: true });
    expect((await following.find("/out.txt"))?.type).toBe("file");
  });

  test("a root whose name another folder's name begins with does not contain that folder", async () => {
    const base = await documentRoot({ "www/a.txt": "", "www-private/secret.txt": "s" });
    symlinkSync(join(base, "www-private"), join(base, "www/p"));
    expect((await nodeFiles(join(base, "www")).find("/p/secret.txt"))?.type).toBe("refused");
  });

  test("a symbolic link to a script outside the root is not run", async () => {
    const { root, get } = await gatewayOf(echoParams);
    const outside = await documentRoot({ "evil.php": "" });
    symlinkSync(join(outside, "evil.php"), join(root, "evil.php"));
    expect((await get("/evil.php")).status).toBe(403);
  });
});
