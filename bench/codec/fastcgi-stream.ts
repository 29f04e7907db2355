// What we use of npm's fastcgi-stream, which has no types of its own.

import type { EventEmitter } from "node:events";
import { createRequire } from "node:module";
import type { Pair } from "../../src/codec/index.ts";

interface FastCgiStream {
  FastCGIStream: new (stream: EventEmitter) => EventEmitter;
  records: {
    Params: new (pairs?: readonly Pair[]) => { getSize(): number; write(b: Buffer): void; read(b: Buffer): void };
  };
}

export const fastcgiStream: FastCgiStream = createRequire(import.meta.url)("fastcgi-stream") as FastCgiStream;
