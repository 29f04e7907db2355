// The model: cgi-fcgi asking a real php-fpm.

import { describePeers } from "../peers/peer.ts";
import { startPhpFpm } from "../peers/php-fpm.ts";
import { cgiFcgiSuite } from "./cgi-fcgi.ts";

for (const listen of ["tcp", "unix"] as const) {
  describePeers(["cgi-fcgi", "php-fpm8.2"], `cgi-fcgi asking php-fpm over ${listen}`, () => {
    cgiFcgiSuite(() => startPhpFpm({ listen }));
  });
}
