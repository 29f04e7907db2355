import { memoryPair } from "../../src/transport/memory.ts";
import { transportContract } from "./contract.ts";

transportContract("memory", {
  pair: async () => memoryPair(),
  mostUnderWay: 2 * 64 * 1024,
  tellsReset: true,
});
