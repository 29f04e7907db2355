// A second model: Apache in front of php-fpm.

import { startApacheNative } from "../peers/app-server.ts";
import { describePeers } from "../peers/peer.ts";
import { APACHE_GAPS } from "./apache-gaps.ts";
import { httpSuite } from "./suite.ts";

describePeers(["apache2", "php-fpm8.2"], "HTTP on Apache in front of php-fpm", () => {
  httpSuite(startApacheNative, APACHE_GAPS);
});
