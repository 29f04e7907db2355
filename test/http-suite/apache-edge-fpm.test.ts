// Real Apache in front of `edge-fpm fpm`.

import { startBeforeEdge } from "../peers/app-server.ts";
import { describePeers } from "../peers/peer.ts";
import { APACHE_GAPS } from "./apache-gaps.ts";
import { httpSuite } from "./suite.ts";

for (const listen of ["tcp", "unix"] as const) {
  describePeers(["apache2"], `HTTP on Apache in front of edge-fpm fpm over ${listen}`, () => {
    httpSuite(startBeforeEdge({ server: "apache2", php: "8.2", listen }), APACHE_GAPS);
  });
}
