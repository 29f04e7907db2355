// Finds the pool that `edge-fpm fs` is about: a deployed one by its address, that of a running `edge-fpm dev`, or what the
// last one has left, in a workerd started for the moment.

import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { startLocalWorkers } from "../../platform/node/local-workers.ts";
import type { Arguments } from "../command.ts";
import { STATE_FOLDER } from "../dev.ts";
import { CliError, messageOf } from "../failure.ts";
import { existingDirectory } from "../pool.ts";
import { claimState, newToken, ownerOf } from "../state-owner.ts";
import { PoolFileClient } from "./pool-files.ts";

/** How long a `dev` that has just begun may take until it is up, in milliseconds. */
const PATIENCE = 30_000;

const LOOK_EVERY = 200;

export interface Reached {
  readonly files: PoolFileClient;
  close(): Promise<void>;
}

/** @throws {CliError} */
export async function reachFiles(args: Arguments): Promise<Reached> {
  const url = args.text("url");
  return url === undefined ? local(args) : deployed(url, args.text("token") ?? process.env.EDGE_FPM_FILES_TOKEN);
}

function deployed(text: string, token: string | undefined): Reached {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw new CliError(`--url ${text} is no http:// or https:// address.`, { exitCode: 2 });
  }
  if (url.protocol === "http:" && !/^(localhost|127\.[\d.]+|\[::1\])$/.test(url.hostname)) {
    throw new CliError(`--url ${text} would send the token where everybody can read it: use https.`, { exitCode: 2 });
  }
  if (token === undefined || token === "") {
    throw new CliError("There is no token.", {
      exitCode: 2,
      hint: "Set EDGE_FPM_FILES_TOKEN to what the Worker has as the secret of that name; see docs/filesystem.md.",
    });
  }
  return { files: new PoolFileClient(url.origin, token), close: async () => {} };
}

async function local(args: Arguments): Promise<Reached> {
  const app = existingDirectory(args.text("app") ?? ".");
  const out = resolve(args.text("out") ?? join(app, ".edge-fpm"));
  const state = resolve(args.text("persist") ?? join(out, STATE_FOLDER));
  const running = await runningOwner(state);
  if (running !== undefined) return { files: new PoolFileClient(running.url, running.token), close: async () => {} };
  if (!existsSync(state)) {
    throw new CliError(`No pool has kept files in ${state}.`, {
      hint: "Name the application of `edge-fpm dev` by --app, or a deployed one by --url. With `serve`, PHP writes to this machine's own files.",
    });
  }
  if (!existsSync(join(out, "worker", "main.js"))) {
    throw new CliError(`There is no build in ${out}, which the files belong to.`, {
      hint: "Build it first: edge-fpm build",
    });
  }
  return start(out, state);
}

async function start(out: string, state: string): Promise<Reached> {
  const token = newToken();
  const release = claimState(state, { url: "", token });
  try {
    const workers = await startLocalWorkers({ out, persist: state, variables: { EDGE_FPM_FILES_TOKEN: token } });
    return {
      files: new PoolFileClient((await workers.ready).origin, token),
      async close() {
        await workers.dispose();
        release();
      },
    };
  } catch (error) {
    release();
    throw new CliError(`The files of ${state} cannot be reached: ${messageOf(error)}`, { cause: error });
  }
}

/** Who has the files open, once it is up. */
async function runningOwner(state: string) {
  for (const end = Date.now() + PATIENCE; Date.now() < end; ) {
    const owner = ownerOf(state);
    if (owner === undefined || owner.url !== "") return owner;
    await new Promise((done) => setTimeout(done, LOOK_EVERY));
  }
  throw new CliError(`Somebody else has ${state} open, and does not come up.`);
}
