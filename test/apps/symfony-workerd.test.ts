import { describeDebianApp } from "./debian-packages.ts";
import { workerdFramework } from "./framework-places.ts";
import { frameworkScenario } from "./frameworks.ts";
import { SYMFONY } from "./symfony.ts";

describeDebianApp("Symfony 5.4, built and served by workerd", "symfony", SYMFONY.packages, (tree) => {
  frameworkScenario(SYMFONY, tree, workerdFramework(2), "workerd");
});
