import { startWorkerd } from "../peers/workerd.ts";
import { ADMINER_PACKAGES, adminerScenario } from "./adminer.ts";
import { describeDebianApp } from "./debian-packages.ts";

describeDebianApp("Debian's adminer, built and served by workerd", "adminer", ADMINER_PACKAGES, (tree) => {
  adminerScenario(tree, startWorkerd("8.2"), "workerd");
});
