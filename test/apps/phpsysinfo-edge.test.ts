import { startEdge } from "../peers/app-server.ts";
import { describeDebianApp } from "./debian-packages.ts";
import { PHPSYSINFO_PACKAGES, phpSysInfoScenario } from "./phpsysinfo.ts";

// PHP sees the whole machine: the programs are there, and cannot be run.
describeDebianApp("Debian's phpsysinfo on edge-fpm serve", "phpsysinfo", PHPSYSINFO_PACKAGES, (tree) => {
  phpSysInfoScenario(tree, { where: "Node, 2 children", start: startEdge("8.2"), machine: false });
});
