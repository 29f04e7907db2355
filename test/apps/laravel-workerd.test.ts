import { describeDebianApp } from "./debian-packages.ts";
import { workerdFramework } from "./framework-places.ts";
import { frameworkScenario } from "./frameworks.ts";
import { LARAVEL } from "./laravel.ts";

describeDebianApp("Laravel 8, built and served by workerd", "laravel", LARAVEL.packages, (tree) => {
  frameworkScenario(LARAVEL, tree, workerdFramework(2), "workerd");
});
