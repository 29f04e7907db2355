// Byte streams, and the links that join them to the connections of FastCGI. Sockets of Node are in `node/`.

export * from "./address.ts";
export * from "./application-link.ts";
export type { ApplicationRequest } from "./application-request.ts";
export * from "./connect-exchange.ts";
export * from "./exchange.ts";
export { BodyTooLargeError } from "./input-buffer.ts";
export * from "./memory.ts";
export * from "./message-port.ts";
export * from "./streams.ts";
export * from "./streams-socket.ts";
export * from "./transport.ts";
export * from "./web-server-link.ts";
