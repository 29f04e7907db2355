// The engine of the playground, as its page has it: `createEngine`. It runs the project's own web server, master and
// children; only the network between them is replaced, by streams in memory with a tap. See README.md beside this file.

export { DEFAULT_POOL, DEFAULT_WIRE_LIMITS } from "./defaults.ts";
export { createEngine } from "./engine.ts";
export { EXAMPLES, type Example } from "./examples.ts";
export { keepOffline } from "./keep-offline.ts";
export { readRecord } from "./raw-connection.ts";
export {
  runScenario,
  SCENARIOS,
  type Scenario,
  type ScenarioResult,
  type ScenarioStep,
  type StepName,
} from "./scenarios.ts";
export * from "./types.ts";
