// Runs changesets on this package alone. The documentation is a workspace of it, and with workspaces changesets does
// not see the package at the root: while it runs, package.json names none.
//
//   npm run changeset                 asks for a change to announce
//   npm run changeset -- status       what the next version will be
//   npm run changeset -- version      makes it: package.json, the lock, jsr.json, CHANGELOG.md
//   npm run changeset -- publish      for the release workflow: package.json stays as it was published

import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const args = process.argv.slice(2);
const before = readFileSync(`${root}package.json`, "utf8");

const { workspaces: _, ...alone } = JSON.parse(before);
const { GITHUB_REPOSITORY } = process.env;
if (args[0] === "publish" && GITHUB_REPOSITORY !== undefined) {
  // npm compares it with where the package was made.
  alone.repository = { type: "git", url: `git+https://github.com/${GITHUB_REPOSITORY}.git` };
}
writeFileSync(`${root}package.json`, `${JSON.stringify(alone, undefined, 2)}\n`);
let status = 1;
try {
  ({ status } = spawnSync("npx", ["changeset", ...args], { cwd: root, stdio: "inherit" }));
} finally {
  if (args[0] !== "publish") {
    const { version } = JSON.parse(readFileSync(`${root}package.json`, "utf8"));
    writeFileSync(`${root}package.json`, before);
    for (const [file, places] of [
      ["package.json", 1],
      // Its own, and that of the package at the root.
      ["package-lock.json", 2],
      ["jsr.json", 1],
    ]) {
      setVersion(file, places, version);
    }
  }
}
process.exitCode = status ?? 1;

/** Replaces the first versions in a file, and leaves all else as it is. */
function setVersion(file, places, version) {
  let left = places;
  const text = readFileSync(root + file, "utf8");
  writeFileSync(
    root + file,
    text.replace(/("version": )"[^"]*"/g, (all, key) => (left-- > 0 ? `${key}"${version}"` : all)),
  );
}
