// Sockets of Node, as transports.

export * from "./connect.ts";
export * from "./listen.ts";
export * from "./socket.ts";
