// A Worker with a file store in a Durable Object: what workers-file-store.test.ts talks to. The object's name is the
// first part of the path.
//   POST /<name>/message?via=rpc|fetch   a frame with an envelope; answered with a frame
//   GET  /<name>/state                   seq, bytes, files, lives, which instance of the object it is
//   GET  /<name>/export?path=            a tar archive
//   PUT  /<name>/import?path=            the same in
//   POST /<name>/abort                   resets the object, as the platform does when it must

import { DurableObject } from "cloudflare:workers";
import { baseFromFiles, decodeFrame, encodeFrame, type StoreAnswer } from "../../../src/fs/index.ts";
import { type Envelope, PoolFiles } from "../../../src/platform/workers/file-store.ts";
import type { ObjectStorage } from "../../../src/platform/workers/file-store-home.ts";

interface State {
  readonly storage: ObjectStorage;
  abort(reason: string): void;
}

const BASE = baseFromFiles("1", { "app/index.php": new TextEncoder().encode("<?php echo 1;") });

export class Files extends DurableObject {
  readonly #instance = crypto.randomUUID();
  readonly #state: State;
  readonly #files: PoolFiles;

  constructor(ctx: never, env: unknown) {
    super(ctx, env);
    this.#state = ctx;
    const name = (ctx as { readonly id: { readonly name?: string } }).id.name;
    const limits = name === "small" ? { totalBytes: 1024 * 1024 } : {};
    this.#files = new PoolFiles(this.#state.storage, { base: BASE, limits });
  }

  handle(envelope: Envelope): Promise<StoreAnswer> {
    return this.#files.handle(envelope);
  }

  async fetch(request: Request): Promise<Response> {
    const url = new URL(request.url);
    const path = url.searchParams.get("path") ?? "";
    const { service } = this.#files;
    switch (url.pathname.split("/")[2]) {
      case "message":
        return new Response((await this.#files.handleFrame(await request.bytes())) as Uint8Array<ArrayBuffer>);
      case "state": {
        const { seq, bytes, nodes } = service.store;
        return Response.json({ seq, bytes, nodes, lives: service.lives, instance: this.#instance });
      }
      case "export":
        return new Response(this.#files.export(path));
      case "import":
        return Response.json(await this.#files.import(request.body ?? new ReadableStream(), path));
      case "abort":
        this.#state.abort("for a test");
        return new Response();
      default:
        return new Response(null, { status: 404 });
    }
  }
}

interface Stub {
  fetch(request: Request): Promise<Response>;
  handle(envelope: Envelope): Promise<StoreAnswer>;
}

interface Environment {
  readonly FILES: { idFromName(name: string): unknown; get(id: unknown): Stub };
}

export default {
  async fetch(request: Request, env: Environment): Promise<Response> {
    const url = new URL(request.url);
    const stub = env.FILES.get(env.FILES.idFromName(url.pathname.split("/")[1] ?? ""));
    try {
      if (url.searchParams.get("via") !== "rpc") return await stub.fetch(request);
      const answer = await stub.handle(decodeFrame(await request.bytes()) as Envelope);
      return new Response(encodeFrame(answer) as Uint8Array<ArrayBuffer>);
    } catch (error) {
      return new Response(String(error), { status: 500 });
    }
  },
};
