// Where an application with a front controller runs, each with what a user would write for it.

import { rmSync } from "node:fs";
import { join } from "node:path";
import type { PoolConfigInput } from "../../src/fpm/config.ts";
import { loadConfigFile } from "../../src/platform/node/config-file.ts";
import type { AppServer } from "../peers/app-server.ts";
import { runEdgeFpm } from "../peers/edge-fpm.ts";
import { startNginx } from "../peers/nginx.ts";
import { startPhpFpm } from "../peers/php-fpm.ts";
import { startWorkerd } from "../peers/workerd.ts";

/** Throws the children out of memory, where a platform does that between two requests. */
export interface FrameworkServer extends AppServer {
  evict?(): Promise<void>;
}

/** Starts a server for the application's folder, the parent of public/. */
export type StartFramework = (root: string) => Promise<FrameworkServer>;

/** The name of the configuration in each application's folder. */
const CONFIG = "edge-fpm.config.mjs";

/** What guides for nginx say: a file if there is one, else the one script. */
const FRONT_CONTROLLER = "location ~ ^/(?!index\\.php) { try_files $uri /index.php$is_args$args; }";

/** nginx and php-fpm with `children`. */
export function nativeFramework(children: number): StartFramework {
  return async (root) => {
    // The peer's own folder of sessions goes away with it.
    const poolLines = [`php_admin_value[session.save_path] = ${join(root, "var")}`];
    const fpm = await startPhpFpm({ listen: "unix", children, poolLines });
    try {
      const options = { root: join(root, "public"), fastcgi: fpm.address, serverLines: [FRONT_CONTROLLER] };
      const nginx = await startNginx(options);
      const stop = () => nginx.stop().finally(() => fpm.stop());
      return { baseUrl: nginx.baseUrl, log: () => `${nginx.log()}\n${fpm.log()}`, stop };
    } catch (error) {
      await fpm.stop();
      throw error;
    }
  };
}

/** `edge-fpm serve` with the application's configuration; PHP sees nothing but the application. */
export const nodeFramework: StartFramework = async (root) => {
  const args = ["--config", join(root, CONFIG), "--mount", root, "-d", `session.save_path=${join(root, "var")}`];
  const program = runEdgeFpm(["serve", "--port", "0", "--host", "127.0.0.1", ...args]);
  try {
    const [, baseUrl = ""] = await program.waitFor(/(http:\/\/127\.0\.0\.1:\d+)/);
    return {
      baseUrl,
      log: () => program.output(),
      stop: async () => {
        await program.stop("SIGINT");
      },
    };
  } catch (error) {
    await program.stop("SIGKILL");
    throw error;
  }
};

/** A build with the application's configuration in local workerd. */
export function workerdFramework(children: number): StartFramework {
  return (root) => startBuilt(root, children, { pm: "static" });
}

/** The same, built again for a pool that soon gives up children without work: only then can it be evicted. */
export const evictableFramework: StartFramework = (root) => {
  rmSync(`${root}.build`, { recursive: true, force: true });
  return startBuilt(root, 2, { pm: "ondemand", processIdleTimeout: 300 });
};

async function startBuilt(root: string, children: number, pool: PoolConfigInput): Promise<FrameworkServer> {
  const { config } = await loadConfigFile(join(root, CONFIG));
  return startWorkerd("8.2", { children, pool, build: { config, ignore: [`/${CONFIG}`] } })(root);
}
