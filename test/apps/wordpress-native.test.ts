import { describePeers } from "../peers/peer.ts";
import { describeDebianApp } from "./debian-packages.ts";
import { startWordPressNatively, wordPressScenario } from "./wordpress.ts";
import { WORDPRESS_PACKAGES } from "./wordpress-site.ts";

describePeers(["nginx", "php-fpm8.2"], "on nginx and php-fpm", () => {
  describeDebianApp("Debian's wordpress", "wordpress", WORDPRESS_PACKAGES, (tree) => {
    wordPressScenario(tree, { start: startWordPressNatively(3), where: "nginx and php-fpm" });
  });
});
