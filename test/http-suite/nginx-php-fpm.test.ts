// The model itself: what this suite asks of ours, nginx with php-fpm does.

import { startNative } from "../peers/app-server.ts";
import { describePeers } from "../peers/peer.ts";
import { httpSuite } from "./suite.ts";

describePeers(["nginx", "php-fpm8.2"], "HTTP on nginx in front of php-fpm", () => {
  httpSuite(startNative);
});
