// The Durable Object that is the master of a pool, composed: its children are Dynamic Workers, or one in this isolate.

import settings from "edge-fpm:settings";
import archive from "app.zip";
import certificates from "ca.txt";
import interpreter from "interpreter.txt";
import ini from "php.ini.txt";
import wasm from "php.wasm";
import type { Mail } from "../src/mail/index.ts";
import { archiveBase } from "../src/platform/workers/archive-base.ts";
import { scriptEnvironment } from "../src/platform/workers/environment.ts";
import { SCRATCH_DIRECTORIES } from "../src/platform/workers/interpreter-parts.ts";
import { checkMailAnswer } from "../src/platform/workers/mail-answer.ts";
import { type PoolConstructor, PoolStatus, poolClass } from "../src/platform/workers/pool-object.ts";
import { residentInterpreter } from "../src/platform/workers/resident.ts";
import { serveChild } from "../src/platform/workers/serve-child.ts";
import { childName, MOST_CHILDREN, type PoolBinding } from "../src/platform/workers/settings.ts";
import { type OpenChild, openDynamicWorker } from "../src/platform/workers/spawn-child.ts";
import { memoryPair } from "../src/transport/memory.ts";

const { mount, version, snapshot } = settings;
const warm = snapshot === undefined ? {} : { snapshot };
const maxRequests = settings.pool.maxRequests ?? 0;

/** What a child's runtime is to be like: the same for all that this build makes. */
const COMPATIBILITY_DATE = "2026-11-17";

export { PoolStatus };

export const Pool: PoolConstructor = poolClass({
  settings,
  base: archiveBase(new Uint8Array(archive), {
    version,
    mount,
    directories: SCRATCH_DIRECTORIES,
  }),
  children(env, status) {
    const environment = scriptEnvironment(env);
    const mail = env.MAIL === undefined ? undefined : (settings.mail ?? {});
    if (env.LOADER === undefined) {
      const open: OpenChild = ({ pool, slot }) => {
        const [master, child] = memoryPair();
        const name = childName(pool, slot);
        void serveChild(child, residentInterpreter({ mount, environment, maxRequests, ...warm }), {
          name,
          poolStatus: async () => status.here(),
          files: (envelope) => status.files(envelope),
          ...(mail && { mail: { ...mail, send: async (one: Mail) => checkMailAnswer(await status.mail(one)) } }),
        });
        return master;
      };
      return { open, most: 1 };
    }
    const open = openDynamicWorker(env.LOADER, version, async ({ pool, slot }) => ({
      compatibilityDate: COMPATIBILITY_DATE,
      mainModule: "interpreter.js",
      modules: {
        "interpreter.js": interpreter,
        "php.wasm": { wasm },
        "app.zip": { data: archive },
        "php.ini.txt": { text: ini },
        "ca.txt": { text: certificates },
        // Not held by this isolate before a child needs it.
        ...(snapshot !== undefined && { "snapshot.bin": { data: (await import("snapshot.bin")).default } }),
      },
      env: {
        settings: { pool, slot, mount, maxRequests, environment, ...warm, ...(mail && { mail }) },
        status: status.binding() as PoolBinding,
      },
    }));
    return { open, most: MOST_CHILDREN };
  },
});
