// What the build puts beside the Workers' own code, as the modules that import it see it.

declare module "edge-fpm:settings" {
  const settings: import("./settings.ts").EdgeSettings;
  export default settings;
}

/** The glue of the PHP build, changed to fit an isolate. */
declare module "edge-fpm:glue" {
  export const init: import("../../php/glue.ts").PhpGlue["init"];
}

declare module "php.wasm" {
  const module: WebAssembly.Module;
  export default module;
}

/** The application's files. */
declare module "app.zip" {
  const archive: ArrayBuffer;
  export default archive;
}

/** A warmed interpreter; empty when there is none. */
declare module "snapshot.bin" {
  const snapshot: ArrayBuffer;
  export default snapshot;
}

/** The bundle of workers/interpreter.ts. */
declare module "interpreter.txt" {
  const source: string;
  export default source;
}

declare module "php.ini.txt" {
  const text: string;
  export default text;
}

/** Certificate authorities, PEM. */
declare module "ca.txt" {
  const text: string;
  export default text;
}
