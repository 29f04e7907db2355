// edge-fpm/connection: one side of one FastCGI connection, sans-IO. Bytes in, events out; calls in, bytes out.

export * from "./application.ts";
export * from "./application-options.ts";
export * from "./application-request.ts";
export * from "./web-server.ts";
export * from "./web-server-request.ts";
