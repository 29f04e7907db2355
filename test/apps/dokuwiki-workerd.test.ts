import { startWorkerd } from "../peers/workerd.ts";
import { describeDebianApp } from "./debian-packages.ts";
import { dokuWikiScenario } from "./dokuwiki.ts";
import { DOKUWIKI_PACKAGES } from "./dokuwiki-site.ts";

describeDebianApp("Debian's dokuwiki, built and served by workerd", "dokuwiki", DOKUWIKI_PACKAGES, (tree) => {
  dokuWikiScenario(tree, startWorkerd("8.2"), "workerd");
});
