import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe } from "vitest";
import { startEdge, startNativeWith } from "../peers/app-server.ts";
import { describeWithIcu } from "../peers/icu-data.ts";
import { describeDebianApp } from "./debian-packages.ts";
import { MEASURING } from "./figures.ts";
import { mediaWikiScenario } from "./mediawiki.ts";
import { MEDIAWIKI_PACKAGES, type RunPhp } from "./mediawiki-site.ts";

const COMMAND = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));

/** `edge-fpm php`, with the extension that MediaWiki cannot do without. */
const php: RunPhp = async (args, cwd) => {
  const command = [COMMAND, "php", "--php", "8.2", "-d", "extension=intl", ...args];
  const { stdout } = await promisify(execFile)(process.execPath, command, { cwd, timeout: 120_000 });
  return stdout;
};

// Installing and using it takes a minute: not for every run of the tests.
describe.skipIf(!MEASURING)("with npm run test:apps", () => {
  describeWithIcu("with intl", () => {
    describeDebianApp("Debian's mediawiki on edge-fpm serve", "mediawiki", MEDIAWIKI_PACKAGES, (tree) => {
      mediaWikiScenario(tree, {
        where: "Node, 3 children",
        start: startEdge("8.2", true, { children: 3 }),
        php,
        settings: { extension: "intl" },
        noFullText: "the SQLite of the builds has no FTS3",
        native: startNativeWith({ children: 3 }),
      });
    });
  });
});
