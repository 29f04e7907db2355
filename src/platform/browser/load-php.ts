// The compiled interpreter, from a static host: fetched packed, with progress in bytes, compiled while it comes in.

import { PhpError } from "../../php/errors.ts";

/** Where the interpreter lies. The file is gzip, whatever the host does: its length is known before the first byte. */
export interface PhpDownload {
  /** The WebAssembly file, gzip. */
  readonly wasmUrl: string;
  /** Bytes of it. */
  readonly packedBytes: number;
  /** The glue, which each child loads: kept for later visits too. */
  readonly glueUrl: string;
  /** Bytes of the glue. */
  readonly glueBytes: number;
}

/** What has happened so far. */
export interface LoadProgress {
  readonly stage: "loading" | "compiling" | "ready";
  /** Bytes that came, of `total`, packed as they travel. */
  readonly loaded: number;
  readonly total: number;
}

/** How a build of PHP is loaded. */
export interface LoadPhpOptions {
  readonly onProgress?: (progress: LoadProgress) => void;
  /** Cache Storage in which both files are kept for visits without a network; none by default. */
  readonly cacheName?: string | undefined;
  readonly signal?: AbortSignal;
}

/**
 * Fetches and compiles the interpreter. Nothing is kept of the bytes but what the cache holds.
 *
 * @throws {PhpError} `PHP_BOOT` when it cannot be fetched or compiled
 */
export async function loadPhp(download: PhpDownload, options: LoadPhpOptions = {}): Promise<WebAssembly.Module> {
  const total = download.packedBytes + download.glueBytes;
  let loaded = 0;
  const progress = (stage: LoadProgress["stage"]) => options.onProgress?.({ stage, loaded, total });
  progress("loading");
  try {
    const count = (bytes: number) => {
      loaded += bytes;
      progress(loaded < total ? "loading" : "compiling");
    };
    const [wasm, glue] = await Promise.all([
      fetchKept(download.wasmUrl, options),
      fetchKept(download.glueUrl, options),
    ]);
    const compiled = compile(counted(wasm, count));
    // Read to its end, so that it is in the caches before a child asks for it.
    await Promise.all([compiled, new Response(counted(glue, count)).arrayBuffer()]);
    progress("ready");
    return await compiled;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new PhpError("PHP_BOOT", `PHP could not be loaded: ${reason}`, { cause });
  }
}

/** From the cache, or from the network into the cache. */
async function fetchKept(url: string, { cacheName, signal }: LoadPhpOptions): Promise<ReadableStream<Uint8Array>> {
  // Absent outside of secure contexts; refused in some private windows.
  const cache =
    cacheName === undefined || !("caches" in globalThis)
      ? undefined
      : await caches.open(cacheName).catch(() => undefined);
  const kept = await cache?.match(url);
  const response = kept ?? (await fetch(url, signal === undefined ? {} : { signal }));
  if (!response.ok || response.body === null) throw new Error(`${url} answered ${response.status}`);
  if (kept === undefined) void cache?.put(url, response.clone()).catch(() => {});
  return response.body;
}

function counted(body: ReadableStream<Uint8Array>, count: (bytes: number) => void): ReadableStream<BufferSource> {
  return body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array<ArrayBuffer>>({
      transform(chunk, controller) {
        count(chunk.length);
        controller.enqueue(chunk as Uint8Array<ArrayBuffer>);
      },
    }),
  );
}

function compile(packed: ReadableStream<BufferSource>): Promise<WebAssembly.Module> {
  const body = packed.pipeThrough(new DecompressionStream("gzip"));
  return WebAssembly.compileStreaming(new Response(body, { headers: { "Content-Type": "application/wasm" } }));
}

/** How PHP can wait in this browser: by promise integration, or by the rewritten code that runs everywhere. */
export function bestAsyncMode(): "jspi" | "asyncify" {
  return "Suspending" in WebAssembly ? "jspi" : "asyncify";
}
