// Real nginx in front of `edge-fpm fpm`.

import { startBeforeEdge } from "../peers/app-server.ts";
import { describePeers } from "../peers/peer.ts";
import { httpSuite } from "./suite.ts";

for (const listen of ["tcp", "unix"] as const) {
  for (const keepConnection of [false, true]) {
    const how = `${listen}, ${keepConnection ? "connections kept" : "a connection a request"}`;
    describePeers(["nginx"], `HTTP on nginx in front of edge-fpm fpm over ${how}`, () => {
      httpSuite(startBeforeEdge({ server: "nginx", php: "8.2", listen, keepConnection }));
    });
  }
}
