// Tests of applications from Debian's archive.

import { describe, expect, test } from "vitest";
import { unpackDebianPackages } from "./unpack-debian.ts";

/**
 * `describe` for tests that need Debian packages. `body` gets the root of their file tree. When they cannot be had the
 * group is skipped with the reason in its name, or fails when REQUIRE_PEERS=1.
 */
export function describeDebianApp(
  title: string,
  name: string,
  packages: readonly string[],
  body: (tree: string) => void,
): void {
  const unpacked = unpackDebianPackages(name, packages);
  if ("path" in unpacked) {
    describe(title, () => body(unpacked.path));
    return;
  }
  if (process.env.REQUIRE_PEERS === "1") {
    test(`${title}: has its packages`, () => expect(unpacked.missing).toBe(""));
    return;
  }
  describe.skipIf(true)(`${title} [${unpacked.missing}]`, () => body(""));
}
