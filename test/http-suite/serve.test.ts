// `edge-fpm serve` with its own pool.

import { describe } from "vitest";
import { startEdge } from "../peers/app-server.ts";
import { httpSuite } from "./suite.ts";

describe("HTTP on edge-fpm serve with its own pool", () => {
  httpSuite(startEdge("8.2"));
});
