// What is written by hand: README.md and the pages below docs/.

import { globSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** @param project the repository's root */
export function pages(project: URL): URL[] {
  const found = globSync(["README.md", "docs/*.md", "docs/guide/*.md", "docs/decisions/*.md"], {
    cwd: fileURLToPath(project),
  });
  return found.sort().map((path) => new URL(path, project));
}
