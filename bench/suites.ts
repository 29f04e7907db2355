// All suites by name. Those with a slash in their name are parts of one. A suite's modules are loaded when it runs, and
// no others: with miniflare in the process, for one, a `TextDecoder` takes twice as long.

import type { Table } from "./table.ts";

/** Measures; `quick`: in short rounds, only good for a look. */
export type Suite = (quick: boolean) => Promise<readonly Table[]>;

export const suites: Readonly<Record<string, Suite>> = {
  "codec/records": async (quick) => {
    const { benchSmallRecords } = await import("./codec/records.ts");
    return [benchSmallRecords(quick, 64 * 1024), benchSmallRecords(quick, 1460)];
  },
  "codec/chunks": async (quick) => [(await import("./codec/records.ts")).benchChunks(quick)],
  "codec/go": async (quick) => (await import("./codec/go.ts")).benchGo(quick),
  "codec/large": async (quick) => [(await import("./codec/records.ts")).benchLargeRecords(quick)],
  "codec/params": async (quick) => [(await import("./codec/params.ts")).benchParams(quick)],
  "codec/framing": async (quick) => [(await import("./codec/framing.ts")).benchFraming(quick)],
  inside: async (quick) => (await import("./inside.ts")).benchInside(quick),
  cgi: async (quick) => (await import("./cgi.ts")).benchCgi(quick),
  snapshot: async (quick) => (await import("./snapshot.ts")).benchSnapshot(quick),
  http: async (quick) => (await import("./http.ts")).benchHttp(quick),
  gateway: async (quick) => (await import("./gateway.ts")).benchGateway(quick),
  cache: async (quick) => (await import("./cache.ts")).benchCache(quick),
  scale: async (quick) => (await import("./scale/index.ts")).benchScale(quick),
  wordpress: async (quick) => (await import("./wordpress.ts")).benchWordPress(quick),
  edge: async (quick) => (await import("./edge.ts")).benchEdge(quick),
};
