import { describe } from "vitest";
import { describeDebianApp } from "./debian-packages.ts";
import { MEASURING } from "./figures.ts";
import { wordPressScenario } from "./wordpress.ts";
import { WORDPRESS_PACKAGES } from "./wordpress-site.ts";
import { purgeWordPressInWorkerd, startWordPressInWorkerd } from "./wordpress-workerd.ts";

// Building and installing it takes longer than the ordinary run has time for.
describe.runIf(MEASURING)("in workerd", () => {
  describeDebianApp("Debian's wordpress, built", "wordpress", WORDPRESS_PACKAGES, (tree) => {
    const gateway = { purge: purgeWordPressInWorkerd };
    wordPressScenario(tree, { start: startWordPressInWorkerd, where: "workerd", gateway, target: 2.5 });
  });
});
