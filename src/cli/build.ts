// `edge-fpm build`: from an application's folder to a folder that wrangler deploys.

import { relative } from "node:path";
import { buildFrom, buildOptions } from "./build-options.ts";
import type { Arguments, Command } from "./command.ts";
import { note } from "./terminal.ts";

export const build: Command = {
  name: "build",
  usage: "[dir] [options]",
  summary: "Make what is deployed to Cloudflare from a folder of PHP",
  options: buildOptions,
  examples: [
    "edge-fpm build                                     # this folder, into .edge-fpm/",
    "edge-fpm build . --document-root public --front /index.php",
    "edge-fpm build wiki --php 8.2 --ignore 'tests/' --assets-only '*.mp4'",
  ],
  run,
};

async function run(args: Arguments): Promise<number> {
  const report = await buildFrom(args);
  process.stdout.write(`${report.out}\n`);
  note(`Deploy it with: npx wrangler deploy --config ${relative(process.cwd(), report.config) || report.config}`);
  return 0;
}
