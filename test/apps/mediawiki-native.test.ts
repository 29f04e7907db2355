import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { describe } from "vitest";
import { startNativeWith } from "../peers/app-server.ts";
import { describePeers, peerPath } from "../peers/peer.ts";
import { describeDebianApp } from "./debian-packages.ts";
import { MEASURING } from "./figures.ts";
import { mediaWikiScenario } from "./mediawiki.ts";
import { MEDIAWIKI_PACKAGES, type RunPhp } from "./mediawiki-site.ts";

const php: RunPhp = async (args, cwd) => {
  const { stdout } = await promisify(execFile)(peerPath("php8.2"), args, { cwd, timeout: 120_000 });
  return stdout;
};

describe.skipIf(!MEASURING)("with npm run test:apps", () => {
  describePeers(["nginx", "php-fpm8.2", "php8.2"], "on nginx and php-fpm", () => {
    describeDebianApp("Debian's mediawiki", "mediawiki", MEDIAWIKI_PACKAGES, (tree) => {
      mediaWikiScenario(tree, { where: "nginx and php-fpm", start: startNativeWith({ children: 3 }), php });
    });
  });
});
