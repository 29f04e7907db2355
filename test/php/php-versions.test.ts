import { describe, expect, test } from "vitest";
import {
  choosePhpVersion,
  installedPhpVersions,
  phpInstallCommand,
  phpPackageUrl,
} from "../../src/platform/node/php-versions.ts";

describe("versions of PHP", () => {
  test("those installed are found", () => {
    expect(installedPhpVersions()).toEqual(expect.arrayContaining(["8.2", "8.4"]));
  });

  test("8.4 serves when nobody chose, and a chosen one serves", () => {
    expect(choosePhpVersion()).toBe("8.4");
    expect(choosePhpVersion("8.2")).toBe("8.2");
    expect(phpPackageUrl("8.2")).toMatch(/node-8-2\/index\.js$/);
  });

  test("a missing one names the command that installs it, and those there are", () => {
    const missing = ["8.3", "8.5"].find((version) => !installedPhpVersions().some((known) => known === version));
    if (missing === undefined) return;
    expect(() => choosePhpVersion(missing)).toThrow(
      expect.objectContaining({
        code: "PHP_NOT_INSTALLED",
        message: expect.stringMatching(
          new RegExp(`installed: PHP 8\\.2.*npm install @php-wasm/node-${missing.replace(".", "-")}@3\\.1\\.56$`),
        ),
      }),
    );
    expect(phpInstallCommand("8.5")).toBe("npm install @php-wasm/node-8-5@3.1.56");
  });

  test("one that does not exist lists those that do", () => {
    expect(() => choosePhpVersion("7.4")).toThrow(
      expect.objectContaining({ code: "PHP_UNKNOWN_VERSION", message: expect.stringContaining("8.2, 8.3, 8.4, 8.5") }),
    );
  });
});
