import { startNative } from "../peers/app-server.ts";
import { describePeers } from "../peers/peer.ts";
import { describeDebianApp } from "./debian-packages.ts";
import { PHPSYSINFO_PACKAGES, phpSysInfoScenario } from "./phpsysinfo.ts";

describePeers(["nginx", "php-fpm8.2"], "on nginx and php-fpm", () => {
  describeDebianApp("Debian's phpsysinfo", "phpsysinfo", PHPSYSINFO_PACKAGES, (tree) => {
    phpSysInfoScenario(tree, { where: "nginx and php-fpm", start: startNative, machine: true });
  });
});
