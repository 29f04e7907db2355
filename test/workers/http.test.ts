// The suite at the level of HTTP, on the gateway Worker, the pool's Durable Object and two children in real workerd.

import { describe } from "vitest";
import { httpSuite } from "../http-suite/suite.ts";
import { EDGE_GAPS } from "./gaps.ts";
import { startWorkers } from "./start.ts";

describe("HTTP on the Workers with two children", () => {
  httpSuite(
    (root, settings = {}) =>
      startWorkers({
        root,
        // As on this machine: the suite compares paths.
        mount: root,
        pool: { maxChildren: 2 },
        ini: Object.entries(settings)
          .map(([name, value]) => `${name} = ${value}\n`)
          .join(""),
      }),
    EDGE_GAPS,
  );
});
