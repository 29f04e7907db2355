// Servers for what PHP does over the network: all on this machine, each for one test.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, connect, type Server, type Socket } from "node:net";

/** Listens on a free port. @returns the port */
export async function listen(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

/**
 * A port where nobody answers a handshake, as behind a wall that drops packets: a listening socket whose queue is full, of a
 * process that sleeps.
 */
export class BlackHole implements Disposable {
  readonly port: number;
  readonly #process: ChildProcess;
  readonly #filling: readonly Socket[];

  private constructor(port: number, process: ChildProcess, filling: readonly Socket[]) {
    this.port = port;
    this.#process = process;
    this.#filling = filling;
  }

  /** @returns undefined where the system answers all the same */
  static async open(): Promise<BlackHole | undefined> {
    const script = `require("net").createServer().listen({ port: 0, host: "127.0.0.1", backlog: 1 }, function () {
      require("fs").writeSync(1, this.address().port + "\\n");
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60000);
    });`;
    const child = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "inherit"] });
    const [line] = (await once(child.stdout, "data")) as [Buffer];
    const port = Number(String(line));
    const filling: Socket[] = [];
    for (let i = 0; i < 16; i++) {
      const socket = connect(port, "127.0.0.1");
      socket.on("error", () => {});
      filling.push(socket);
      const open = await Promise.race([
        once(socket, "connect").then(() => true),
        new Promise<false>((resolve) => setTimeout(() => resolve(false), 300)),
      ]);
      if (!open) return new BlackHole(port, child, filling);
    }
    new BlackHole(port, child, filling)[Symbol.dispose]();
    return undefined;
  }

  [Symbol.dispose](): void {
    for (const socket of this.#filling) socket.destroy();
    this.#process.kill("SIGKILL");
  }
}
