// `edge-fpm serve --upstream`: our gateway in front of a real php-fpm.

import { startEdgeBefore } from "../peers/app-server.ts";
import { describePeers } from "../peers/peer.ts";
import { httpSuite } from "./suite.ts";

for (const listen of ["tcp", "unix"] as const) {
  describePeers(["php-fpm8.2"], `HTTP on edge-fpm serve in front of php-fpm over ${listen}`, () => {
    httpSuite(startEdgeBefore(listen));
  });
}
