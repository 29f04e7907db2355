import { describeDebianApp } from "./debian-packages.ts";
import { nodeFramework } from "./framework-places.ts";
import { frameworkScenario } from "./frameworks.ts";
import { SYMFONY } from "./symfony.ts";

describeDebianApp("Symfony 5.4 on edge-fpm serve with 3 children", "symfony", SYMFONY.packages, (tree) => {
  frameworkScenario(SYMFONY, tree, nodeFramework, "Node, 3 children");
});
