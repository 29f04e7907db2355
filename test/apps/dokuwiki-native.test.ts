import { startNative } from "../peers/app-server.ts";
import { describePeers } from "../peers/peer.ts";
import { describeDebianApp } from "./debian-packages.ts";
import { dokuWikiScenario } from "./dokuwiki.ts";
import { DOKUWIKI_PACKAGES } from "./dokuwiki-site.ts";

describePeers(["nginx", "php-fpm8.2"], "on nginx and php-fpm", () => {
  describeDebianApp("Debian's dokuwiki", "dokuwiki", DOKUWIKI_PACKAGES, (tree) => dokuWikiScenario(tree, startNative));
});
