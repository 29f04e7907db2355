// The one suite on the wire: what a web server sees of a FastCGI application that runs PHP. Real php-fpm 8.2 is the model
// that it was written against; ours runs the same tests.

import { afterAll, beforeAll, describe } from "vitest";
import { errorTests } from "./errors.ts";
import type { Capability, Gaps } from "./gaps.ts";
import { outputTests } from "./output.ts";
import { requestTests } from "./requests.ts";
import { scriptTests } from "./scripts.ts";
import { settingTests } from "./settings.ts";
import { Target, type TargetName, type TargetOptions } from "./target.ts";

/** What the groups of tests share. */
export interface Context {
  /** There once tests run. */
  readonly target: Target;
  /** Skips a test, and says why, when `capability` is a gap. */
  lacks(capability: Capability): { readonly skip: boolean; readonly note: string };
  /** A group with a target of its own, started with these options. */
  group(title: string, options: TargetOptions, body: (context: Context) => void): void;
}

/** Declares the suite for one target. */
export function wireSuite(name: TargetName, gaps: Gaps): void {
  const lacks: Context["lacks"] = (capability) => {
    const reason = gaps[capability];
    return { skip: reason !== undefined, note: reason === undefined ? "" : ` (gap: ${reason})` };
  };
  const group: Context["group"] = (title, options, body) => {
    describe(title, () => {
      let target: Target | undefined;
      beforeAll(async () => {
        target = await Target.start(name, options);
      });
      afterAll(() => target?.stop());
      body({
        get target() {
          if (target === undefined) throw new Error(`${name} is not up`);
          return target;
        },
        lacks,
        group,
      });
    });
  };
  group("", {}, (context) => {
    describe("the request", () => requestTests(context));
    describe("the script", () => scriptTests(context));
    describe("output", () => outputTests(context));
    describe("errors", () => errorTests(context));
  });
  describe("settings", () => settingTests({ lacks, group }));
}
