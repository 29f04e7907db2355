import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    environment: "node",
    include: ["test/**/*.test.ts"],
    // A test may start real servers and compile an interpreter of 25 MB; none should need this long.
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // On a small machine: what starts servers loads its two cores, and waits for more than half of its time.
    pool: "forks",
    maxWorkers: 3,
    // Programs of ours are started hundreds of times: what Node made of their sources is kept, half of a start.
    env: { NODE_COMPILE_CACHE: fileURLToPath(new URL(".cache/node", import.meta.url)) },
    globalSetup: ["test/package/shared.ts"],
    reporters: ["default", "./test/reporter.ts"],
  },
});
