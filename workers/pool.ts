// The Durable Object that is the master of a pool, composed: its children are Dynamic Workers, or one in this isolate.

import settings from "edge-fpm:settings";
import archive from "app.zip";
import certificates from "ca.txt";
import interpreter from "interpreter.txt";
import ini from "php.ini.txt";
import wasm from "php.wasm";
import { scriptEnvironment } from "../src/platform/workers/environment.ts";
import { poolClass } from "../src/platform/workers/pool-object.ts";
import { residentInterpreter } from "../src/platform/workers/resident.ts";
import { serveChild } from "../src/platform/workers/serve-child.ts";
import { MOST_CHILDREN } from "../src/platform/workers/settings.ts";
import { type OpenChild, openDynamicWorker } from "../src/platform/workers/spawn-child.ts";
import { memoryPair } from "../src/transport/memory.ts";

const { mount, version } = settings;
const maxRequests = settings.pool.maxRequests ?? 0;

/** What a child's runtime is to be like: the same for all that this build makes. */
const COMPATIBILITY_DATE = "2026-11-17";

export const Pool = poolClass({
  settings,
  children(env) {
    const environment = scriptEnvironment(env);
    if (env.LOADER === undefined) {
      const open: OpenChild = ({ pool, slot }) => {
        const [master, child] = memoryPair();
        const name = `pool ${pool}, child ${slot}`;
        void serveChild(child, residentInterpreter({ mount, environment, maxRequests }), { name });
        return master;
      };
      return { open, most: 1 };
    }
    const open = openDynamicWorker(env.LOADER, version, ({ pool, slot }) => ({
      compatibilityDate: COMPATIBILITY_DATE,
      mainModule: "interpreter.js",
      modules: {
        "interpreter.js": interpreter,
        "php.wasm": { wasm },
        "app.zip": { data: archive },
        "php.ini.txt": { text: ini },
        "ca.txt": { text: certificates },
      },
      env: { pool, slot, mount, maxRequests, environment },
    }));
    return { open, most: MOST_CHILDREN };
  },
});
