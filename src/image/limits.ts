// What Cloudflare takes, and how much of it a build uses. Numbers of the platform's documentation, November 2026.

import { ImageError } from "./errors.ts";

const MiB = 1024 * 1024;

export const PLATFORM: {
  readonly workerBytes: number;
  readonly assets: { readonly free: number; readonly paid: number };
  readonly assetBytes: number;
  readonly isolateBytes: number;
} = {
  /** Bytes of all modules of a Worker, uncompressed, on every plan. */
  workerBytes: 64 * MiB,
  /** Static assets of a Worker: on the free plan, and on paid ones. */
  assets: { free: 20_000, paid: 100_000 },
  /** Bytes of one asset. */
  assetBytes: 25 * MiB,
  /** Bytes of an isolate: JavaScript, buffers and the WebAssembly memory together. */
  isolateBytes: 128 * 1000 * 1000,
};

/** One file of a build. */
export interface Part {
  readonly name: string;
  /** Bytes. */
  readonly size: number;
}

export interface SizeReport {
  /** The Worker's modules, the largest first. */
  readonly modules: readonly Part[];
  readonly workerBytes: number;
  readonly assets: number;
  readonly assetBytes: number;
  /** The largest asset. */
  readonly largestAsset: Part | undefined;
  /**
   * Bytes that an isolate has left for JavaScript's heap and for files that scripts write, once linear memory has grown
   * to its maximum. Below zero the interpreter's guard ends large requests earlier.
   */
  readonly headroom: number;
  /** What is allowed but likely to hurt. */
  readonly warnings: readonly string[];
}

export interface Sizes {
  readonly modules: readonly Part[];
  readonly assets: readonly Part[];
  /** Bytes of the application's archive, which every child holds. */
  readonly archive: number;
  /** Maximum of linear memory, bytes. */
  readonly memory: number;
  /** Bytes of inflated files that a child keeps. */
  readonly cache: number;
}

/** @throws {ImageError} `IMAGE_LIMIT`, naming what is too large */
export function checkSizes(sizes: Sizes): SizeReport {
  const modules = sizes.modules.toSorted((a, b) => b.size - a.size);
  const workerBytes = total(modules);
  if (workerBytes > PLATFORM.workerBytes) {
    const [php, rest] = [
      modules.filter(({ name }) => name === "php.wasm"),
      modules.filter(({ name }) => name !== "php.wasm"),
    ];
    throw new ImageError(
      "IMAGE_LIMIT",
      `the Worker has ${megabytes(workerBytes)} (PHP ${megabytes(total(php))}, ${rest[0]?.name} ${megabytes(rest[0]?.size ?? 0)}); ` +
        `Cloudflare takes ${megabytes(PLATFORM.workerBytes)}. Leave out of the archive what PHP does not read: --assets-only '*.jpg', or .edgefpmignore`,
    );
  }
  for (const { name, size } of sizes.assets) {
    if (size <= PLATFORM.assetBytes) continue;
    throw new ImageError(
      "IMAGE_LIMIT",
      `the static file ${name} has ${megabytes(size)}; Cloudflare takes ${megabytes(PLATFORM.assetBytes)} for one. Keep it elsewhere (R2), and name it in .edgefpmignore`,
    );
  }
  if (sizes.assets.length > PLATFORM.assets.paid) {
    throw new ImageError(
      "IMAGE_LIMIT",
      `${sizes.assets.length} static files; Cloudflare takes ${PLATFORM.assets.paid}, on the free plan ${PLATFORM.assets.free}`,
    );
  }
  const headroom = PLATFORM.isolateBytes - sizes.memory - sizes.archive - sizes.cache;
  const warnings: string[] = [];
  if (sizes.assets.length > PLATFORM.assets.free) {
    warnings.push(`${sizes.assets.length} static files: the free plan takes ${PLATFORM.assets.free}`);
  }
  if (headroom < 0) {
    warnings.push(
      `the application's archive (${megabytes(sizes.archive)}) leaves no room for PHP at its largest: requests that need much memory will be refused earlier`,
    );
  }
  return {
    modules,
    workerBytes,
    assets: sizes.assets.length,
    assetBytes: total(sizes.assets),
    largestAsset: sizes.assets.toSorted((a, b) => b.size - a.size)[0],
    headroom,
    warnings,
  };
}

/** Such as "19.7 MB". */
export function megabytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} bytes`;
  return bytes < 1_000_000 ? `${(bytes / 1000).toFixed(1)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}

function total(parts: readonly Part[]): number {
  return parts.reduce((sum, { size }) => sum + size, 0);
}
