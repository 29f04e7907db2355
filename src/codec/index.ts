// edge-fpm/codec: bytes <-> FastCGI records. Synchronous, pure, without dependencies.

export * from "./bytes.ts";
export * from "./constants.ts";
export * from "./decoder.ts";
export * from "./errors.ts";
export * from "./params.ts";
export * from "./record.ts";
export * from "./record-decode.ts";
export * from "./record-encode.ts";
export * from "./streams.ts";
