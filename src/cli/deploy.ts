// `edge-fpm deploy`: builds an application and hands it to wrangler, which knows the account.

import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { buildFrom, buildOptions } from "./build-options.ts";
import type { Arguments, Command } from "./command.ts";
import { CliError } from "./failure.ts";
import { note } from "./terminal.ts";

export const deploy: Command = {
  name: "deploy",
  usage: "[dir] [options]",
  summary: "Build a folder of PHP and deploy it to Cloudflare",
  options: {
    "dry-run": { type: "boolean", help: "build, and let wrangler check it; nothing is sent" },
    environment: { type: "string", value: "<name>", help: "environment of the wrangler settings" },
    ...buildOptions,
  },
  examples: [
    "edge-fpm deploy --dry-run",
    "edge-fpm deploy wiki --name my-wiki",
    "edge-fpm deploy --environment staging",
  ],
  run,
};

async function run(args: Arguments): Promise<number> {
  // Before the work of building.
  const wrangler = wranglerProgram(args.positionals[0] ?? ".");
  const { config, out } = await buildFrom(args);
  const environment = args.text("environment");
  const options = [
    ...["deploy", "--config", config],
    ...(args.flag("dry-run") ? ["--dry-run"] : []),
    ...(environment === undefined ? [] : ["--env", environment]),
  ];
  note(`wrangler ${options.join(" ")}`);
  const code = await runProgram(process.execPath, [wrangler, ...options], out);
  if (code !== 0) {
    throw new CliError(`wrangler ended with status ${code}.`, {
      hint: `What it said is above; what it was given is in ${out}. Not logged in? npx wrangler login`,
    });
  }
  return 0;
}

/** wrangler's script: the one of the application, or the one beside us. */
function wranglerProgram(root: string): string {
  for (const base of [
    pathToFileURL(`${join(process.cwd(), root)}/`).href,
    pathToFileURL(`${process.cwd()}/`).href,
    import.meta.url,
  ]) {
    try {
      const manifest = createRequire(base).resolve("wrangler/package.json");
      return join(dirname(manifest), "bin/wrangler.js");
    } catch {
      // Not installed there: the next place.
    }
  }
  throw new CliError("wrangler is not installed.", { hint: "Install it with: npm install --save-dev wrangler" });
}

function runProgram(program: string, args: readonly string[], cwd: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd, stdio: "inherit" });
    child.once("error", (error) =>
      reject(new CliError(`wrangler could not be started: ${error.message}`, { cause: error })),
    );
    // Ended by a signal: as shells count.
    child.once("exit", (code, signal) => resolve(code ?? (signal === null ? 1 : 128)));
  });
}
