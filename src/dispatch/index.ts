// Joins FastCGI connections to a pool: between `transport`, which knows no pool, and `fpm`, which knows no records.

export * from "./child-link.ts";
export * from "./failure.ts";
export * from "./listener.ts";
export * from "./master-pages.ts";
export * from "./pool-exchange.ts";
export * from "./request-info.ts";
export type { RequestLogOptions } from "./request-log.ts";
