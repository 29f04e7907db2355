// What the shells offer, asked of the shells that are installed.

import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeScratch, type Scratch } from "../peers/scratch.ts";
import { run } from "./run.ts";

let scratch: Scratch;
const scripts: Record<string, string> = {};
beforeAll(async () => {
  scratch = makeScratch("completion");
  for (const shell of ["bash", "zsh", "fish"]) {
    const { stdout, status } = await run(["completion", shell]);
    expect(status).toBe(0);
    scripts[shell] = join(scratch.path, shell);
    writeFileSync(scripts[shell], stdout);
  }
});
afterAll(() => scratch.remove());

function installed(shell: string): boolean {
  try {
    execFileSync("sh", ["-c", `command -v ${shell}`], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** What bash offers for the last of these words. */
function offered(...words: string[]): string[] {
  const array = words.map((word) => `'${word}'`).join(" ");
  const script = `source ${scripts.bash}; COMP_WORDS=(edge-fpm ${array}); COMP_CWORD=${words.length}; _edge_fpm; printf '%s\\n' "\${COMPREPLY[@]}"`;
  return execFileSync("bash", ["--norc", "-c", script], { encoding: "utf8", cwd: scratch.path }).trim().split("\n");
}

describe("edge-fpm completion", () => {
  test.runIf(installed("bash"))("bash offers commands, options, values and files", () => {
    expect(offered("de")).toEqual(["decode", "dev", "deploy"]);
    expect(offered("decode", "--fo")).toEqual(["--format", "--follow"]);
    expect(offered("decode", "--format", "")).toEqual(["pretty", "line", "json"]);
    expect(offered("decode", "-f", "j")).toEqual(["json"]);
    expect(offered("decode", "ba")).toEqual(["bash"]);
    expect(offered("completion", "")).toEqual(["bash", "zsh", "fish"]);
    expect(offered("bench", "--no-such")).toEqual([""]);
  });

  test.runIf(installed("zsh"))("zsh takes its script", () => {
    execFileSync("zsh", ["-f", "-n", scripts.zsh ?? ""]);
  });

  test.runIf(installed("fish"))("fish offers commands, options and values", () => {
    const asked = ["edge-fpm de", "edge-fpm decode --fo", "edge-fpm decode --format "].map(
      (line) => `complete -C "${line}"`,
    );
    const out = execFileSync("fish", ["--no-config", "-c", `source ${scripts.fish}; ${asked.join("; ")}`], {
      encoding: "utf8",
    });
    const words = out
      .trim()
      .split("\n")
      .map((line) => line.split("\t")[0]);
    expect(words.toSorted()).toEqual(["--follow", "--format", "decode", "deploy", "dev", "json", "line", "pretty"]);
  });

  test("every script has every command and every option", async () => {
    const { stdout: overview } = await run(["--help"]);
    const names = [...overview.matchAll(/^ {2}([a-z]+) {2,}/gm)].map(([, name]) => name);
    expect(names).toEqual(expect.arrayContaining(["serve", "decode", "proxy", "bench", "status", "completion"]));
    for (const shell of ["bash", "zsh", "fish"]) {
      const { stdout } = await run(["completion", shell]);
      for (const name of names) expect(stdout).toContain(name);
      for (const option of ["connection", "concurrency", "interval", "upstream"]) expect(stdout).toContain(option);
    }
  });

  test("ends with 2 for a shell that is not known", async () => {
    expect(await run(["completion", "tcsh"])).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("bash, zsh, fish"),
    });
    expect(await run(["completion"])).toMatchObject({ status: 2 });
  });
});
