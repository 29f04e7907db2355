import { startNative } from "../peers/app-server.ts";
import { describePeers } from "../peers/peer.ts";
import { ADMINER_PACKAGES, adminerScenario } from "./adminer.ts";
import { describeDebianApp } from "./debian-packages.ts";

describePeers(["nginx", "php-fpm8.2"], "on nginx and php-fpm", () => {
  describeDebianApp("Debian's adminer", "adminer", ADMINER_PACKAGES, (tree) => adminerScenario(tree, startNative));
});
