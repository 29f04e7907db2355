// Transports of the Workers runtime.

export * from "./fetch.ts";
export * from "./fetch-exchange.ts";
export * from "./socket.ts";
