import { describe } from "vitest";
import { describeDebianApp } from "./debian-packages.ts";
import { MEASURING } from "./figures.ts";
import { nodeFramework } from "./framework-places.ts";
import { frameworkScenario } from "./frameworks.ts";
import { SLIM } from "./slim.ts";

// The ordinary run has time for one place of each framework.
describe.runIf(MEASURING)("with figures", () => {
  describeDebianApp("Slim 3 on edge-fpm serve with 3 children", "slim", SLIM.packages, (tree) => {
    frameworkScenario(SLIM, tree, nodeFramework, "Node, 3 children");
  });
});
