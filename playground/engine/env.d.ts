/// <reference types="vite/client" />

/** Made by the build: see build/php-files.ts. */
declare module "virtual:php-builds" {
  /** One a version and way of waiting, in the order of the versions. URLs are relative to the page. */
  const builds: readonly {
    readonly version: string;
    readonly asyncMode: "jspi" | "asyncify";
    readonly wasm: string;
    readonly packedBytes: number;
    readonly glue: string;
    readonly glueBytes: number;
  }[];
  export default builds;
}
