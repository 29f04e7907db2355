import { describe } from "vitest";
import { describeDebianApp } from "./debian-packages.ts";
import { MEASURING } from "./figures.ts";
import { workerdFramework } from "./framework-places.ts";
import { frameworkScenario } from "./frameworks.ts";
import { SYMFONY } from "./symfony.ts";

// The ordinary run has time for one place of each framework.
describe.runIf(MEASURING)("with figures", () => {
  describeDebianApp("Symfony 5.4, built and served by workerd", "symfony", SYMFONY.packages, (tree) => {
    frameworkScenario(SYMFONY, tree, workerdFramework(2), "workerd");
  });
});
