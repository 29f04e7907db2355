// All suites by name. Those with a slash in their name are parts of one.

import { benchCache } from "./cache.ts";
import { benchCgi } from "./cgi.ts";
import { benchFraming } from "./codec/framing.ts";
import { benchGo } from "./codec/go.ts";
import { benchParams } from "./codec/params.ts";
import { benchChunks, benchLargeRecords, benchSmallRecords } from "./codec/records.ts";
import { benchEdge } from "./edge.ts";
import { benchGateway } from "./gateway.ts";
import { benchHttp } from "./http.ts";
import { benchInside } from "./inside.ts";
import { benchScale } from "./scale/index.ts";
import { benchSnapshot } from "./snapshot.ts";
import type { Table } from "./table.ts";
import { benchWordPress } from "./wordpress.ts";

/** Measures; `quick`: in short rounds, only good for a look. */
export type Suite = (quick: boolean) => readonly Table[] | Promise<readonly Table[]>;

export const suites: Readonly<Record<string, Suite>> = {
  "codec/records": (quick) => [benchSmallRecords(quick, 64 * 1024), benchSmallRecords(quick, 1460)],
  "codec/chunks": (quick) => [benchChunks(quick)],
  "codec/go": benchGo,
  "codec/large": (quick) => [benchLargeRecords(quick)],
  "codec/params": (quick) => [benchParams(quick)],
  "codec/framing": (quick) => [benchFraming(quick)],
  inside: benchInside,
  cgi: benchCgi,
  snapshot: benchSnapshot,
  http: benchHttp,
  gateway: benchGateway,
  cache: benchCache,
  scale: benchScale,
  wordpress: benchWordPress,
  edge: benchEdge,
};
