// How the cost of a request grows with what is asked: requests at once, bytes, params, requests that share a connection.
// Flat is the aim: the cost a request (or a byte, or a param) at the largest size beside that at the smallest one that
// is not all fixed cost.

import type { Table } from "../table.ts";
import { benchBodies, benchConcurrency } from "./exchanges.ts";
import { benchMultiplexed, benchParamCounts } from "./frames.ts";

export async function benchScale(quick: boolean): Promise<readonly Table[]> {
  return [await benchConcurrency(quick), await benchBodies(quick), benchParamCounts(quick), benchMultiplexed(quick)];
}
