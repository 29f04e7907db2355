// A gateway's own behaviour: nginx in front of php-fpm is the model, ours stands in front of the same php-fpm.

import { describePeers } from "../peers/peer.ts";
import { startNginxSite, startOurSite } from "./gateway-sites.ts";
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
