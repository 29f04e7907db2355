// The suite against ours.

import { describe } from "vitest";
import { EDGE_FPM_GAPS } from "./gaps.ts";
import { wireSuite } from "./suite.ts";

describe("edge-fpm on the wire", () => wireSuite("edge-fpm", EDGE_FPM_GAPS));
