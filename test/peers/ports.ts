// A TCP port for programs that cannot choose one themselves and tell us.

import { createServer } from "node:net";

/** A port on 127.0.0.1 that was free a moment ago. Another program may take it first: see `startOnFreePort`. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => {
        if (address !== null && typeof address === "object") resolve(address.port);
        else reject(new Error("the system gave no port"));
      });
    });
  });
}

/** Attempts before giving up: a lost race for a port is rare, two in a row rarer still. */
const ATTEMPTS = 4;

/** Runs `start` with free ports until one attempt is not refused because its port was taken meanwhile. */
export async function startOnFreePort<T>(start: (port: number) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await start(await freePort());
    } catch (error) {
      const taken = error instanceof Error && /address already in use|could not bind/i.test(error.message);
      if (!taken || attempt === ATTEMPTS) throw error;
    }
  }
}
