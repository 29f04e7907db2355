// The version of this package, read from its package.json.

import { existsSync, readFileSync } from "node:fs";

export function version(): string {
  // Two folders up from src/cli/, three from dist/src/cli/.
  const manifest = [new URL("../../package.json", import.meta.url), new URL("../../../package.json", import.meta.url)];
  const found = manifest.find((url) => existsSync(url));
  const content: unknown = found === undefined ? undefined : JSON.parse(readFileSync(found, "utf8"));
  return typeof content === "object" && content !== null && "version" in content ? String(content.version) : "unknown";
}
