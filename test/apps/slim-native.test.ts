import { describePeers } from "../peers/peer.ts";
import { describeDebianApp } from "./debian-packages.ts";
import { nativeFramework } from "./framework-places.ts";
import { frameworkScenario } from "./frameworks.ts";
import { SLIM } from "./slim.ts";

describePeers(["nginx", "php-fpm8.2"], "on nginx and php-fpm", () => {
  describeDebianApp("Slim 3", "slim", SLIM.packages, (tree) => {
    frameworkScenario(SLIM, tree, nativeFramework(3), "nginx and php-fpm");
  });
});
