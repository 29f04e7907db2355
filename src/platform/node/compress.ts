// Compression by Node's zlib: Brotli and gzip, whole bodies and streams.

import { promisify } from "node:util";
import { brotliCompress, constants, createBrotliCompress, createGzip, gzip } from "node:zlib";
import type { Compressor } from "../../gateway/index.ts";

/** Of 11: as fast as gzip, and smaller. The higher ones are for what is compressed once. */
const BROTLI_QUALITY = 4;
/** Of 9: nginx's own default is 1; this is where more effort stops to pay. */
const GZIP_LEVEL = 5;

const brotliWhole = promisify(brotliCompress);
const gzipWhole = promisify(gzip);

/** Brotli and gzip of Node's zlib. */
export const nodeCompressor: Compressor = {
  codings: ["br", "gzip"],
  whole: async (coding, body) =>
    coding === "br"
      ? await brotliWhole(body, {
          params: {
            [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY,
            [constants.BROTLI_PARAM_SIZE_HINT]: body.length,
          },
        })
      : await gzipWhole(body, { level: GZIP_LEVEL }),
  stream: compressed,
};

/** Each chunk is flushed: what a script flushed must reach its visitor. */
function compressed(coding: "br" | "gzip", body: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
  const zlib =
    coding === "br"
      ? createBrotliCompress({
          flush: constants.BROTLI_OPERATION_FLUSH,
          params: { [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY },
        })
      : createGzip({ level: GZIP_LEVEL, flush: constants.Z_SYNC_FLUSH });
  const reader = body.getReader();
  const feed = async () => {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      // Resolves when zlib has taken it and there is room again.
      if (!zlib.write(value)) await new Promise<void>((resolve) => zlib.once("drain", resolve));
    }
    zlib.end();
  };
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        zlib.on("data", (chunk: Buffer) => {
          // zlib hands out parts of one larger buffer.
          controller.enqueue(new Uint8Array(chunk));
          if ((controller.desiredSize ?? 1) <= 0) zlib.pause();
        });
        zlib.on("end", () => controller.close());
        zlib.on("error", (error) => controller.error(error));
        feed().catch((error: unknown) => {
          zlib.destroy();
          controller.error(error);
        });
      },
      pull() {
        zlib.resume();
      },
      async cancel(reason) {
        zlib.destroy();
        zlib.emit("drain");
        await reader.cancel(reason);
      },
    },
    { highWaterMark: 64 * 1024, size: (chunk) => chunk.byteLength },
  );
}
