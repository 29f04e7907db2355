import { describePeers } from "../peers/peer.ts";
import { describeDebianApp } from "./debian-packages.ts";
import { nativeFramework } from "./framework-places.ts";
import { frameworkScenario } from "./frameworks.ts";
import { LARAVEL } from "./laravel.ts";

describePeers(["nginx", "php-fpm8.2"], "on nginx and php-fpm", () => {
  describeDebianApp("Laravel 8", "laravel", LARAVEL.packages, (tree) => {
    frameworkScenario(LARAVEL, tree, nativeFramework(3), "nginx and php-fpm");
  });
});
