import { startEdge } from "../peers/app-server.ts";
import { describeDebianApp } from "./debian-packages.ts";
import { dokuWikiScenario } from "./dokuwiki.ts";
import { DOKUWIKI_PACKAGES } from "./dokuwiki-site.ts";

describeDebianApp("Debian's dokuwiki on edge-fpm serve", "dokuwiki", DOKUWIKI_PACKAGES, (tree) => {
  dokuWikiScenario(tree, startEdge("8.2", true), "Node, 2 children");
});
