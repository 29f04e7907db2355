// Speed of the codec and of framing, beside what else there is.

import type { Table } from "../table.ts";
import { benchFraming } from "./framing.ts";
import { benchGo } from "./go.ts";
import { benchParams } from "./params.ts";
import { benchChunks, benchLargeRecords, benchSmallRecords } from "./records.ts";

export async function benchCodec(quick: boolean): Promise<readonly Table[]> {
  return [
    benchSmallRecords(quick, 64 * 1024),
    benchSmallRecords(quick, 1460),
    benchChunks(quick),
    ...(await benchGo(quick)),
    benchLargeRecords(quick),
    benchParams(quick),
    benchFraming(quick),
  ];
}
