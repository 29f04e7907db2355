import { describe } from "vitest";
import { describePeers } from "../peers/peer.ts";
import { describeDebianApp } from "./debian-packages.ts";
import { MEASURING } from "./figures.ts";
import { nativeFramework } from "./framework-places.ts";
import { frameworkScenario } from "./frameworks.ts";
import { LARAVEL } from "./laravel.ts";

// The ordinary run has time for one place of each framework.
describe.runIf(MEASURING)("with figures", () => {
  describePeers(["nginx", "php-fpm8.2"], "on nginx and php-fpm", () => {
    describeDebianApp("Laravel 8", "laravel", LARAVEL.packages, (tree) => {
      frameworkScenario(LARAVEL, tree, nativeFramework(3), "nginx and php-fpm");
    });
  });
});
