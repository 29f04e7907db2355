// A real nginx in front of the pool, through local workerd's TCP ingress: the gateway Worker passes the bytes on.

import { httpSuite } from "../http-suite/suite.ts";
import { startNginx } from "../peers/nginx.ts";
import { describePeers } from "../peers/peer.ts";
import { startOnFreePort } from "../peers/ports.ts";
import { EDGE_GAPS } from "./gaps.ts";
import { startWorkers } from "./start.ts";

for (const keepConnection of [false, true]) {
  const how = keepConnection ? "kept connections" : "a connection a request";
  describePeers(["nginx"], `HTTP on nginx before the Workers, ${how}`, () => {
    httpSuite(
      async (root) => {
        let port = 0;
        const workers = await startOnFreePort((free) => {
          port = free;
          return startWorkers({ root, mount: root, pool: { maxChildren: 2 }, local: { fastcgiPort: free } });
        });
        const nginx = await startNginx({ root, fastcgi: { kind: "tcp", port }, keepConnection });
        return {
          baseUrl: nginx.baseUrl,
          log: () => `${nginx.log()}\n${workers.log()}`,
          stop: async () => {
            await nginx.stop();
            await workers.stop();
          },
        };
      },
      { "shared-files": EDGE_GAPS["shared-files"] ?? "" },
    );
  });
}
