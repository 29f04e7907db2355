// `edge-fpm import-nginx`, and Debian's own files.

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { run } from "../cli/run.ts";
import { describePeers } from "../peers/peer.ts";
import { makeScratch, type Scratch } from "../peers/scratch.ts";

let scratch: Scratch;
beforeAll(() => {
  scratch = makeScratch("import-command");
});
afterAll(() => scratch.remove());

function file(name: string, text: string): string {
  const path = join(scratch.path, name);
  writeFileSync(path, text);
  return path;
}

describe.concurrent("edge-fpm import-nginx", () => {
  test("writes TypeScript, and ends with 0 when all was taken", async () => {
    const path = file("whole.conf", "worker_processes 1;\nserver { root /srv; location /x { return 200 hi; } }");
    const { status, stdout, stderr } = await run(["import-nginx", path]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toContain('import { defineConfig } from "edge-fpm/gateway";');
    expect(stdout).toContain("// whole.conf:2: location /x");
    expect(stdout).toContain("// Everything was taken over.");
  });

  test("ends with 3 when something was left out, names it on standard error and in the file", async () => {
    const path = file("part.conf", "server { root /srv;\nautoindex on; sendfile on; }");
    const output = join(scratch.path, "part.ts");
    const first = await run(["import-nginx", path, "-o", output]);
    const line = "part.conf:2: autoindex on: folders without an index are 403";
    expect(first).toMatchObject({ status: 3, stdout: "" });
    expect(first.stderr).toBe(`unsupported: ${line}\n`);
    expect(readFileSync(output, "utf8")).toContain(line);
    const second = await run(["import-nginx", path, "-o", output]);
    expect(second.status).toBe(2);
    expect(second.stderr).toContain("is there already");
    expect((await run(["import-nginx", path, "--all"])).stderr).toContain("no meaning here: part.conf:2: sendfile on");
  });

  test("writes nothing with --strict when something was left out", async () => {
    const path = file("strict.conf", "server { root /srv; autoindex on; }");
    const output = join(scratch.path, "strict.ts");
    const { status, stdout } = await run(["import-nginx", path, "--strict", "-o", output]);
    expect({ status, stdout, there: existsSync(output) }).toEqual({ status: 3, stdout: "", there: false });
  });

  test("prints JSON, expressions as their source and flags", async () => {
    const path = file("json.conf", "server { root /srv; location ~* \\.bak$ { deny all; } }");
    const { status, stdout } = await run(["import-nginx", path, "--json"]);
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      version: 1,
      config: { root: "/srv", locations: [{ regex: { source: "\\.bak$", flags: "i" }, deny: true }, { prefix: "/" }] },
      leftOut: [],
    });
  });

  test.each([
    ["no.conf", undefined, /Cannot read .*no\.conf/],
    ["broken.conf", "server {\n root /x\n}", /broken\.conf:3: root of line 2 has no end/],
  ])("%s fails with 2 and a reason", async (name, text, said) => {
    const path = text === undefined ? join(scratch.path, name) : file(name, text);
    const { status, stderr } = await run(["import-nginx", path]);
    expect(stderr).toMatch(said);
    expect(status).toBe(2);
  });
});

describePeers(["nginx"], "Debian's own files", () => {
  test("are taken: the default site, with its log and compression", async () => {
    const { status, stdout } = await run(["import-nginx", "/etc/nginx/nginx.conf", "--json"]);
    const { config, leftOut } = JSON.parse(stdout);
    expect(config).toMatchObject({
      listen: { host: "0.0.0.0", port: 80 },
      root: "/var/www/html",
      index: ["index.html", "index.htm", "index.nginx-debian.html"],
      compress: { types: ["text/html"] },
      log: { format: "combined", file: "/var/log/nginx/access.log" },
      locations: [{ prefix: "/", tryFiles: ["$uri", "$uri/", "=404"] }],
    });
    expect(leftOut.filter(({ kind }: { kind: string }) => kind !== "meaningless")).toEqual([]);
    expect(status).toBe(0);
  });
});
