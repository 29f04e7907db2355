// A gateway's own behaviour: nginx in front of php-fpm is the model, ours stands in front of the same php-fpm, then in
// front of a pool of our own, on Node and in workerd.

import { describe } from "vitest";
import { describePeers } from "../peers/peer.ts";
import { startEdgeSite, startNginxSite, startOurPoolSite, startOurSite } from "./gateway-sites.ts";
import { gatewaySuite, slowVisitorSuite } from "./gateway-suite.ts";

describePeers(["nginx", "php-fpm8.2"], "the gateway that nginx is", () => {
  gatewaySuite(startNginxSite, { ours: false });
});

describePeers(["nginx", "php-fpm8.2"], "slow visitors of nginx", () => {
  slowVisitorSuite(startNginxSite);
});

describePeers(["php-fpm8.2"], "our gateway", () => {
  gatewaySuite(startOurSite, { ours: true });
});

describePeers(["php-fpm8.2"], "slow visitors of our gateway", () => {
  slowVisitorSuite(startOurSite);
});

describe("our gateway before our own pool", () => {
  gatewaySuite(startOurPoolSite, { ours: true });
});

describe("slow visitors of our gateway before our own pool", () => {
  slowVisitorSuite(startOurPoolSite);
});

describe("our gateway and our own pool in workerd", () => {
  gatewaySuite(startEdgeSite, {
    ours: true,
    without: {
      compression: "the platform compresses, by rules of its own",
      date: "the platform adds Date, and workerd on this machine does not",
    },
  });
});
