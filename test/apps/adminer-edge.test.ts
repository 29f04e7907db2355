import { startEdge } from "../peers/app-server.ts";
import { ADMINER_PACKAGES, adminerScenario } from "./adminer.ts";
import { describeDebianApp } from "./debian-packages.ts";

describeDebianApp("Debian's adminer on edge-fpm serve", "adminer", ADMINER_PACKAGES, (tree) => {
  adminerScenario(tree, startEdge("8.2", true), "Node, 2 children");
});
