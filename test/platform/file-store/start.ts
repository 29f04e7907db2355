// workerd with worker.ts, and a child's side of the wire.

import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { Log, LogLevel, Miniflare } from "miniflare";
import { type ChildMessage, decodeFrame, encodeFrame, type StoreAnswer } from "../../../src/fs/index.ts";

const ENTRY = fileURLToPath(new URL("worker.ts", import.meta.url));
const NAME = "files";

/** @param folder where the databases are kept */
export async function startFiles(folder: string): Promise<Miniflare> {
  const { outputFiles } = await build({
    entryPoints: [ENTRY],
    bundle: true,
    format: "esm",
    platform: "neutral",
    external: ["cloudflare:workers"],
    target: "es2024",
    write: false,
  });
  const config = {
    name: NAME,
    compatibilityDate: "2026-11-17",
    compatibilityFlags: [],
    manifest: {
      mainModule: "main.js",
      modulesRoot: "/",
      modules: { "main.js": { type: "esm", contents: outputFiles[0]?.text ?? "" } },
    },
    env: { FILES: { type: "durable-object", worker: NAME, exportName: "Files" } },
    exports: { Files: { type: "durable-object", storage: "sqlite" } },
  };
  const miniflare = new Miniflare({
    host: "127.0.0.1",
    port: 0,
    cf: false,
    logRequests: false,
    log: new Log(LogLevel.ERROR),
    resourcePersistencePath: folder,
    workers: [{ config, dev: { rootPath: "/" } }],
    // The types of this beta are those of the version before.
  } as unknown as ConstructorParameters<typeof Miniflare>[0]);
  await miniflare.ready;
  return miniflare;
}

/** Throws the object out of memory, as the platform does with one that nobody asks. */
export function evict(miniflare: Miniflare, name: string): Promise<void> {
  return miniflare.unsafeEvictDurableObject(NAME, "Files", { name });
}

/** A child: sends messages, keeps nothing. */
export class WireChild {
  life = 0;
  ino = 0;
  readonly #url: string;

  constructor(base: string, name: string, via: "rpc" | "fetch") {
    this.#url = `${base}/${name}/message?via=${via}`;
  }

  async send<T extends StoreAnswer["type"]>(message: ChildMessage, type: T): Promise<StoreAnswer & { type: T }> {
    const answer = await this.ask(message);
    if (answer.type !== type) throw new Error(`${type} was expected: ${JSON.stringify(answer)}`);
    return answer as StoreAnswer & { type: T };
  }

  async ask(message: ChildMessage): Promise<StoreAnswer> {
    const body = encodeFrame({ life: this.life, message }) as Uint8Array<ArrayBuffer>;
    const response = await fetch(this.#url, { method: "POST", body });
    if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
    return decodeFrame(await response.bytes()) as StoreAnswer;
  }

  async hello(key: string): Promise<this> {
    const { life, inodes } = await this.send({ type: "hello", key }, "welcome");
    this.life = life;
    this.ino = inodes.first;
    return this;
  }
}
