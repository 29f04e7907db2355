// The stock PHP class over a real directory.

import { getPHPLoaderModule } from "@php-wasm/node-8-4";
import { loadPHPRuntime, PHP } from "@php-wasm/universal";

/** Resolves with a function that runs a script below `root`, and resolves with what it printed. */
export async function startStock(root) {
  const php = await mountedPhp("/www", root);
  return async (path) => (await php.run({ scriptPath: `/www${path}` })).text;
}

/** A stock interpreter that sees `root` at `at`. */
export async function mountedPhp(at, root) {
  const php = new PHP(await loadPHPRuntime(await getPHPLoaderModule(), { phpWasmAsyncMode: "jspi" }));
  php.mkdir(at);
  await php.mount(at, (_php, fs, target) => {
    fs.mount(fs.filesystems.NODEFS, { root }, target);
    return () => fs.unmount(target);
  });
  return php;
}
