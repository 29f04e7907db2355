// The bundler, an optional package: only who builds for the edge needs it.

import { ImageError } from "./errors.ts";

export type Esbuild = typeof import("esbuild");

/** @throws {ImageError} `IMAGE_BUNDLE`, naming the command that installs it */
export async function loadEsbuild(): Promise<Esbuild> {
  try {
    return await import("esbuild");
  } catch (cause) {
    throw new ImageError("IMAGE_BUNDLE", "esbuild is not installed; install it with: npm install --save-dev esbuild", {
      cause,
    });
  }
}
