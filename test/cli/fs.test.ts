// `edge-fpm fs` as a program of its own: against `edge-fpm dev` in real workerd while it runs and after, and at its address
// with a token, as a deployed Worker; with GNU tar on the other side.

import { execFileSync, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { modeText, visible } from "../../src/cli/fs/listing.ts";
import { newToken } from "../../src/cli/state-owner.ts";
import { filesRoute } from "../../src/platform/workers/files-route.ts";
import { http } from "../http-suite/client.ts";
import { runEdgeFpm } from "../peers/edge-fpm.ts";
import type { Program } from "../peers/program.ts";
import { makeScratch } from "../peers/scratch.ts";
import { run } from "./run.ts";

const scratch = makeScratch("cli-fs");
const site = join(scratch.path, "site");
const state = join(site, ".edge-fpm/state");

/** Longer than a ustar header has room for. */
const LONG = "long".repeat(60);

const fs = (args: readonly string[], stdin?: string | Uint8Array) =>
  run(["fs", ...args], { cwd: site, ...(stdin !== undefined && { stdin }) });

async function startDev(...options: readonly string[]): Promise<{ program: Program; url: string }> {
  const program = runEdgeFpm(["dev", site, "--port", "0", ...options]);
  const url = (await program.waitFor(/(http:\/\/127\.0\.0\.1:\d+)[\s\S]*Ctrl-C/))[1] ?? "";
  return { program, url };
}

/** What lies below a folder: kind, mode, time and content of each. */
function snapshot(folder: string): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isSymbolicLink()) found[path.slice(folder.length)] = readlinkSync(path);
    else {
      const { mode, mtimeMs } = statSync(path);
      const content = entry.isFile() ? readFileSync(path).toString("base64") : "folder";
      found[path.slice(folder.length)] = [mode.toString(8), Math.round(mtimeMs), content];
    }
  }
  return found;
}

let dev: { program: Program; url: string };
beforeAll(async () => {
  mkdirSync(site);
  writeFileSync(
    join(site, "index.php"),
    "<?php file_put_contents('/app/log.txt', $_GET['w'] ?? '', FILE_APPEND); echo file_get_contents('/app/log.txt'), '|', getenv('EDGE_FPM_FILES_TOKEN') === false ? 'no secret' : 'secret';",
  );
  dev = await startDev();
}, 60_000);
afterAll(async () => {
  await dev?.program.stop("SIGKILL");
  scratch.remove();
});

test("a token can stand on a command line", () => {
  expect(Array.from({ length: 1000 }, newToken).filter((token) => !/^[a-z0-9]{32,}$/.test(token))).toEqual([]);
});

describe("the files of a running edge-fpm dev", () => {
  test("are shown as ls, stat and cat do, with patterns", async () => {
    expect((await http(dev.url, "/?w=one")).text()).toBe("one|no secret");
    const [long, json, cat, stat] = await Promise.all([
      fs(["ls", "-l", "/app"]),
      fs(["ls", "--json", "-R", "/app"]),
      fs(["cat", "/app/*.txt"]),
      fs(["stat", "/app/log.txt", "--json"]),
    ]);
    expect(long.stdout).toMatch(/^-rw-[r-][w-]-[r-][w-]- +3 \w{3} [ \d]\d \d\d:\d\d log\.txt$/m);
    const entries = json.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { path: string; built?: true });
    expect(entries.map(({ path, built }) => [path, built])).toEqual([
      ["/app/index.php", true],
      ["/app/log.txt", undefined],
    ]);
    expect(cat.stdout).toBe("one");
    expect(JSON.parse(stat.stdout)).toMatchObject({ path: "/app/log.txt", type: "file", size: 3 });
  });

  test("are put, got, made and removed, and PHP sees it at its next request", async () => {
    writeFileSync(join(scratch.path, "log.txt"), "put ", { mode: 0o640 });
    expect(await fs(["put", join(scratch.path, "log.txt"), "/app/"])).toMatchObject({ status: 0 });
    expect((await http(dev.url, "/?w=two")).text()).toBe("put two|no secret");
    expect(await fs(["put", "-", "/app/made/from input"], "typed")).toMatchObject({ status: 0 });
    await Promise.all([
      fs(["get", "/app/made/from input", join(scratch.path, "got")]),
      fs(["get", "-r", "/app/made", join(scratch.path, "folder")]),
      fs(["mkdir", "-p", "/app/a/b/c"]),
    ]);
    expect(readFileSync(join(scratch.path, "got"), "utf8")).toBe("typed");
    expect(readFileSync(join(scratch.path, "folder/from input"), "utf8")).toBe("typed");
    expect((await fs(["rm", "-r", "/app/a", "/app/made"])).status).toBe(0);
    expect((await fs(["ls", "/app"])).stdout).toBe("index.php\nlog.txt\n");
  });

  test("that cannot be read on this machine are named, and nothing is said of the pool", async () => {
    // Nothing lies at its beginning.
    const { status, stderr } = await fs(["put", "/proc/self/mem", "/app/unreadable"]);
    expect([status, stderr]).toEqual([1, expect.stringMatching(/^edge-fpm: EIO: /)]);
    await fs(["rm", "-f", "/app/unreadable"]);
  });

  test("whose names are not UTF-8 are named, and the others are put", async () => {
    const folder = join(scratch.path, "latin");
    mkdirSync(folder);
    writeFileSync(Buffer.from(`${folder}/caf\xe9`, "latin1"), "");
    symlinkSync(Buffer.from("nowhere\xe9", "latin1"), join(folder, "link"));
    writeFileSync(join(folder, "zoé"), "text");
    const { status, stderr } = await fs(["put", "-r", folder, "/app/latin"]);
    expect(stderr).toMatch(
      /^edge-fpm: .*\/caf\ufffd is left out: .*not UTF-8\.\nedge-fpm: .*\/link is left out: .*\n$/,
    );
    expect(status).toBe(1);
    expect((await fs(["ls", "/app/latin"])).stdout).toBe("zoé\n");
    await fs(["rm", "-rf", "/app/latin"]);
  });

  test("that cannot be had are told by POSIX's names, and the others go on", async () => {
    const answers = await Promise.all([
      fs(["cat", "/app/nope", "/app/index.php"]),
      fs(["rm", "/app"]),
      fs(["mkdir", "/app"]),
      fs(["rm", "-f", "/app/nope"]),
      fs(["ls", "/app/*.nope"]),
      fs(["import"], "this is no archive".repeat(100)),
    ]);
    expect(answers.map(({ status, stderr }) => [status, /FILE_\w+|E[A-Z]+/.exec(stderr)?.[0]])).toEqual([
      [1, "ENOENT"],
      [1, "EISDIR"],
      [1, "EEXIST"],
      [0, undefined],
      [1, "ENOENT"],
      [1, "FILE_STORE_MALFORMED"],
    ]);
    expect(answers[0]?.stdout).toContain("file_put_contents");
    expect((await fs(["lss"])).stderr).toContain('Did you mean "ls"?');
  });

  test("are there at the address for who knows the token, and for nobody else", async () => {
    const { token } = JSON.parse(readFileSync(join(state, "owner.json"), "utf8")) as { token: string };
    expect(statSync(join(state, "owner.json")).mode & 0o777).toBe(0o600);
    const at = (extra: readonly string[]) => fs(["ls", "/app", "--url", dev.url, ...extra]);
    const [known, wrong, none, clear] = await Promise.all([
      at(["--token", token]),
      at(["--token", `${token}x`]),
      at([]),
      fs(["ls", "--url", "http://example.org", "--token", token]),
    ]);
    expect(known).toEqual({ status: 0, stdout: "index.php\nlog.txt\n", stderr: "" });
    expect([wrong.status, wrong.stderr]).toEqual([1, expect.stringContaining("does not take the token")]);
    expect([none.status, clear.status]).toEqual([2, 2]);
    expect(clear.stderr).toContain("use https");
    for (const headers of [{ Accept: "*/*" }, { Authorization: "Bearer " }, { Authorization: `Basic ${token}` }]) {
      expect((await fetch(`${dev.url}/.edge-fpm/files/export`, { headers })).status).toBe(401);
    }
    const headers = { Authorization: `Bearer ${token}` };
    expect((await fetch(`${dev.url}/.edge-fpm/files/remove?path=/app`, { headers })).status).toBe(405);
    expect((await fetch(`${dev.url}/.edge-fpm/files/nothing`, { headers })).status).toBe(404);
    expect((await fetch(`${dev.url}/.edge-fpm/files/constructor`, { headers })).status).toBe(404);
  });
});

describe("a backup", () => {
  test("goes from GNU tar into a pool, and from there through the next start into GNU tar, whole", async () => {
    const input = join(scratch.path, "in");
    mkdirSync(join(input, LONG, "empty"), { recursive: true });
    writeFileSync(join(input, "big.bin"), randomBytes(12 * 1024 * 1024 + 123));
    writeFileSync(join(input, LONG, "ünïcödé 文件 😀.txt"), "text");
    for (let i = 0; i < 100; i++) writeFileSync(join(input, `file ${i}`), String(i));
    writeFileSync(join(input, "none"), "");
    chmodSync(join(input, "file 1"), 0o4711);
    utimesSync(join(input, "file 2"), 1_000_000, 981_173_106.789);
    symlinkSync("file 1", join(input, "link"));
    symlinkSync(`../${LONG}/nowhere`, join(input, "dangling"));
    utimesSync(join(input, LONG), 1_000_000, 2_000_000);
    chmodSync(join(input, LONG, "empty"), 0o700);
    const archive = execFileSync("tar", ["cf", "-", "--format=pax", "-C", input, "."], { maxBuffer: 2 ** 26 });
    const imported = await fs(["import", "/data"], archive);
    expect([imported.status, imported.stderr]).toEqual([0, expect.stringContaining("103 files")]);
    await dev.program.stop("SIGINT");
    expect(existsSync(join(state, "owner.json"))).toBe(false);

    // Nobody runs: a workerd is started for the moment, over what was kept.
    const output = join(scratch.path, "out");
    mkdirSync(output);
    const command = `"$@" | tar xpf - -C '${output}'`;
    const edgeFpm = [process.execPath, new URL("../../src/cli/main.ts", import.meta.url).pathname];
    const exported = spawnSync("sh", ["-c", command, "sh", ...edgeFpm, "fs", "export", "/data", "--app", site]);
    expect([exported.status, String(exported.stderr)]).toEqual([0, ""]);
    expect(snapshot(output)).toEqual(snapshot(input));
  }, 60_000);
});

describe("edge-fpm dev", () => {
  test("goes on with what was kept, of which one at a time has hold, and forgets it when told to", async () => {
    dev = await startDev();
    expect((await http(dev.url, "/?w=three")).text()).toBe("put twothree|no secret");
    const second = await startDev();
    expect(second.program.output()).toMatch(/process \d+ has .+ open: what scripts write here is gone at the end/);
    expect((await http(second.url, "/?w=x")).text()).toBe("x|no secret");
    await second.program.stop();
    await dev.program.stop();
    dev = await startDev("--reset");
    expect((await http(dev.url, "/?w=new")).text()).toBe("new|no secret");
  }, 60_000);

  test("keeps files in a folder of the application without building it in, or building again for it", async () => {
    await dev.program.stop();
    dev = await startDev("--persist", join(site, "kept"));
    expect((await http(dev.url, "/?w=elsewhere")).text()).toBe("elsewhere|no secret");
    expect((await fs(["ls", "/app", "--persist", "kept"])).stdout).toBe("index.php\nlog.txt\n");
    expect(dev.program.output()).not.toContain("Built again");
  }, 60_000);
});

describe("the way to the files of a deployed Worker", () => {
  const pool = () => {
    throw new Error("nobody may come here");
  };
  const request = (path: string) =>
    new Request(`https://example.org${path}`, { headers: { Authorization: "Bearer x" } });

  test("does not exist without a secret, nor with a short one", () => {
    for (const token of [undefined, "", "fifteen-letters"]) {
      expect(filesRoute(token, pool)(request("/.edge-fpm/files/list"))).toBeUndefined();
    }
  });

  test("is one path, and refuses before anything is asked of the pool", async () => {
    const route = filesRoute("a secret of some length", pool);
    expect(route(request("/.edge-fpm/filesystem"))).toBeUndefined();
    expect(route(request("/a/.edge-fpm/files/list"))).toBeUndefined();
    expect((await route(request("/.edge-fpm/files/list")))?.status).toBe(401);
  });
});

describe("a line of ls -l", () => {
  test.each([
    ["-rwsr-xr-x", "file", 0o4755],
    ["-rwSr--r--", "file", 0o4644],
    ["drwxrwxrwt", "directory", 0o1777],
    ["lrwxrwxrwx", "symlink", 0],
  ] as const)("%s", (text, type, mode) => {
    expect(modeText({ type, mode })).toBe(text);
  });

  test("shows a name that would move the cursor", () => {
    expect(visible("a\u001b[2Jb\n")).toBe("a\\x1b[2Jb\\x0a");
  });
});
