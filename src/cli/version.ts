// The version of this package, read from its package.json.

import { readFileSync } from "node:fs";

export function version(): string {
  // The same number of folders up from src/cli/ and from dist/cli/.
  const manifest: unknown = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  return typeof manifest === "object" && manifest !== null && "version" in manifest ? String(manifest.version) : "0";
}
