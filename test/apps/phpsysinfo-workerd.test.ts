import { startWorkerd } from "../peers/workerd.ts";
import { describeDebianApp } from "./debian-packages.ts";
import { PHPSYSINFO_PACKAGES, phpSysInfoScenario } from "./phpsysinfo.ts";

describeDebianApp("Debian's phpsysinfo, built and served by workerd", "phpsysinfo", PHPSYSINFO_PACKAGES, (tree) => {
  phpSysInfoScenario(tree, { where: "workerd", start: startWorkerd("8.2"), machine: false });
});
