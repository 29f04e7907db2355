// The packed package as a bundler makes one module of it, for runtimes that are not given a folder.

import { build } from "esbuild";
import { IMPORTS, type Packed } from "./packed.ts";

/**
 * Bundles `code` with the imports of the contract, resolved as `conditions` say.
 *
 * @param conditions of package.json's `exports`: what bundlers set for the platform
 */
export async function bundleContract(packed: Packed, conditions: readonly string[], code: string): Promise<string> {
  const { outputFiles, warnings } = await build({
    stdin: { contents: IMPORTS + code, resolveDir: packed.folder },
    bundle: true,
    write: false,
    format: "esm",
    platform: "neutral",
    conditions: [...conditions],
    target: "es2022",
    external: ["cloudflare:*"],
    logLevel: "silent",
  });
  if (warnings.length > 0) throw new Error(warnings.map(({ text }) => text).join("\n"));
  return outputFiles[0]?.text ?? "";
}
