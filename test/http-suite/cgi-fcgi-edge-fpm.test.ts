// cgi-fcgi asking `edge-fpm fpm`.

import { startFpm } from "../peers/edge-fpm.ts";
import { describePeers } from "../peers/peer.ts";
import { cgiFcgiSuite } from "./cgi-fcgi.ts";

for (const kind of ["tcp", "unix"] as const) {
  describePeers(["cgi-fcgi"], `cgi-fcgi asking edge-fpm fpm over ${kind}`, () => {
    cgiFcgiSuite((root, path) => startFpm(root, kind === "tcp" ? { kind, port: 0 } : { kind, path }));
  });
}
