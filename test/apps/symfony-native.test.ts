import { describePeers } from "../peers/peer.ts";
import { describeDebianApp } from "./debian-packages.ts";
import { nativeFramework } from "./framework-places.ts";
import { frameworkScenario } from "./frameworks.ts";
import { SYMFONY } from "./symfony.ts";

describePeers(["nginx", "php-fpm8.2"], "on nginx and php-fpm", () => {
  describeDebianApp("Symfony 5.4", "symfony", SYMFONY.packages, (tree) => {
    frameworkScenario(SYMFONY, tree, nativeFramework(3), "nginx and php-fpm");
  });
});
