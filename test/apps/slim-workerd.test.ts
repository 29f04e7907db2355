import { describeDebianApp } from "./debian-packages.ts";
import { workerdFramework } from "./framework-places.ts";
import { frameworkScenario } from "./frameworks.ts";
import { SLIM } from "./slim.ts";

describeDebianApp("Slim 3, built and served by workerd", "slim", SLIM.packages, (tree) => {
  frameworkScenario(SLIM, tree, workerdFramework(2), "workerd");
});
