// The static folder, built once for all test files that open it, and again when a source has changed.

import { execFile } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, symlinkSync, utimesSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Everything that the build reads, but for what package-lock.json pins. */
const SOURCES = ["playground", "src", "workers", "test/wire", "docs/how-it-works.md", "package-lock.json"];

const KEPT = join(root, "node_modules/.cache/edge-fpm/playground");

/** Builds that nobody has asked for in this time are removed, in milliseconds. */
const OLD = 60 * 60 * 1000;

/** A build takes two seconds, and some more when PHP must be packed. Milliseconds. */
const PATIENCE = 110_000;

/**
 * The folder as `npm run build:playground` makes it.
 *
 * @returns a link to it, which is the caller's to remove
 */
export async function buildPlayground(): Promise<string> {
  const built = await sharedBuild();
  const link = join(tmpdir(), `edge-fpm-playground-${randomUUID()}`);
  symlinkSync(built, link);
  return link;
}

async function sharedBuild(): Promise<string> {
  mkdirSync(KEPT, { recursive: true });
  const folder = join(KEPT, fingerprint());
  const deadline = Date.now() + PATIENCE;
  while (!existsSync(folder)) {
    if (takeTurn(`${folder}.lock`)) {
      try {
        await build(folder);
      } finally {
        rmSync(`${folder}.lock`, { recursive: true, force: true });
      }
    } else if (Date.now() > deadline) {
      throw new Error(`another process has been building ${folder} for ${PATIENCE / 1000} seconds`);
    } else {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  utimesSync(folder, new Date(), new Date());
  removeOld();
  return folder;
}

async function build(folder: string): Promise<void> {
  const vite = join(root, "node_modules/vite/bin/vite.js");
  const made = `${folder}.${process.pid}`;
  await promisify(execFile)(process.execPath, [vite, "build", "playground", "--outDir", made, "--emptyOutDir"], {
    cwd: root,
    // Vite chooses between development and production by it; vitest sets it to "test".
    env: { ...process.env, NODE_ENV: "production" },
  });
  renameSync(made, folder);
}

/** True for one process at a time; what a process has left that was killed is taken over. */
function takeTurn(lock: string): boolean {
  try {
    mkdirSync(lock);
    return true;
  } catch {
    const since = statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? 0;
    if (since > 0 && Date.now() - since > PATIENCE) rmSync(lock, { recursive: true, force: true });
    return false;
  }
}

function removeOld(): void {
  for (const name of readdirSync(KEPT)) {
    const path = join(KEPT, name);
    const used = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
    if (Date.now() - used > OLD) rmSync(path, { recursive: true, force: true });
  }
}

/** Changes with every source: names, sizes, times of change. */
function fingerprint(): string {
  const hash = createHash("sha256").update(process.version);
  for (const source of SOURCES) {
    const path = join(root, source);
    const files = statSync(path).isDirectory()
      ? readdirSync(path, { recursive: true, encoding: "utf8" })
          .filter((name) => !name.split("/").includes("node_modules"))
          .sort()
          .map((name) => join(path, name))
      : [path];
    for (const file of files) {
      const facts = statSync(file, { throwIfNoEntry: false });
      if (facts?.isFile()) hash.update(`${file} ${facts.size} ${facts.mtimeMs}\n`);
    }
  }
  return hash.digest("hex").slice(0, 16);
}
