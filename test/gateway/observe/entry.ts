// A request that is over, for the tests of what is made of it.

import type { AccessEntry } from "../../../src/gateway/observe/index.ts";

export function entry(changes: Partial<AccessEntry> = {}): AccessEntry {
  return {
    time: Date.UTC(2026, 0, 2, 3, 4, 5, 678),
    requestTime: 12.4,
    remoteAddress: "192.0.2.7",
    scheme: "http",
    method: "GET",
    target: "/a?b=1",
    protocol: "HTTP/1.1",
    host: "site.test",
    requestHeaders: [
      ["Host", "site.test"],
      ["User-Agent", "curl/8"],
    ],
    responseHeaders: [],
    status: 200,
    bodyBytesSent: 5,
    upstream: [],
    ...changes,
  };
}
