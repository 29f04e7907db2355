import { describe } from "vitest";
import { describeDebianApp } from "./debian-packages.ts";
import { MEASURING } from "./figures.ts";
import { nodeFramework } from "./framework-places.ts";
import { frameworkScenario } from "./frameworks.ts";
import { LARAVEL } from "./laravel.ts";

// The ordinary run has time for one place of each framework.
describe.runIf(MEASURING)("with figures", () => {
  describeDebianApp("Laravel 8 on edge-fpm serve with 3 children", "laravel", LARAVEL.packages, (tree) => {
    frameworkScenario(LARAVEL, tree, nodeFramework, "Node, 3 children");
  });
});
