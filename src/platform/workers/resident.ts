// The interpreter of this isolate, put together of what the build laid beside the code.

import * as glue from "edge-fpm:glue";
import archive from "app.zip";
import certificates from "ca.txt";
import ini from "php.ini.txt";
import wasm from "php.wasm";
import { ResidentInterpreter } from "./interpreter.ts";
import { filesOf } from "./interpreter-parts.ts";
import type { ChildSettings } from "./settings.ts";
import { resolveName, TcpWebSocket } from "./tcp-web-socket.ts";

let resident: ResidentInterpreter | undefined;

/** The same one at every call. */
export function residentInterpreter(
  settings: Pick<ChildSettings, "mount" | "environment" | "maxRequests" | "snapshot">,
): ResidentInterpreter {
  const { mount, environment, maxRequests, snapshot: key } = settings;
  resident ??= new ResidentInterpreter({
    ...filesOf(new Uint8Array(archive), mount, (message) => console.error(message)),
    glue,
    wasm,
    ini,
    certificates,
    environment,
    maxRequests,
    network: { WebSocketClass: TcpWebSocket, resolve: resolveName },
    // Read when it is needed: the isolate of the pool's object seldom does.
    ...(key !== undefined && {
      snapshot: { key, read: async () => new Uint8Array((await import("snapshot.bin")).default) },
    }),
  });
  return resident;
}
