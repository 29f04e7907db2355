// edge-fpm's debugger without a platform: reads captures, follows requests, explains bytes, writes pcapng and JSON.

export * from "./annotate.ts";
export type { PairRest } from "./annotate-pairs.ts";
export * from "./capture.ts";
export * from "./errors.ts";
export * from "./follow.ts";
export * from "./json.ts";
export * from "./names.ts";
export {
  APPLICATION_PORT,
  PcapngConnection,
  type PcapngConnectionOptions,
  PcapngWriter,
  writePcapng,
} from "./pcapng-write.ts";
export * from "./read.ts";
export * from "./records.ts";
export type { RequestStates } from "./states.ts";
