// `edge-fpm fs`: looks at the files of a pool at the edge, changes them, saves them and brings them back.

import type { Arguments, Command } from "./command.ts";
import { CliError } from "./failure.ts";
import { actions } from "./fs/actions.ts";
import { reachFiles } from "./fs/reach.ts";
import { nearest } from "./nearest.ts";
import { stopWhenNobodyReads } from "./standard-output.ts";

export const fs: Command = {
  name: "fs",
  usage: "ls|cat|put|get|rm|mkdir|stat|export|import [paths...] [options]",
  summary: "Look at, change, save and restore the files of a pool at the edge",
  options: {
    url: { type: "string", short: "u", value: "<url>", help: "address of a deployed application" },
    token: { type: "string", value: "<token>", help: "the Worker's secret (what EDGE_FPM_FILES_TOKEN says)" },
    app: { type: "string", value: "<dir>", help: "application of `edge-fpm dev`, running or not (.)" },
    out: { type: "string", short: "o", value: "<dir>", help: "its output folder (<app>/.edge-fpm)" },
    persist: { type: "string", value: "<dir>", help: "where it keeps the files (<out>/state)" },
    long: { type: "boolean", short: "l", help: "ls: with mode, size and time" },
    recursive: { type: "boolean", short: "r", help: "ls, put, get, rm: with all that is below" },
    tree: { type: "boolean", short: "R", help: "the same as -r, as ls has it" },
    force: { type: "boolean", short: "f", help: "rm: what does not exist is no failure" },
    parents: { type: "boolean", short: "p", help: "mkdir: folders above it too, and no failure when it exists" },
    changed: { type: "boolean", help: "export: without what is as the build made it" },
    json: { type: "boolean", help: "ls, stat: a JSON object a line" },
  },
  examples: [
    "edge-fpm fs ls -l /app                             # of `edge-fpm dev` in this folder",
    "edge-fpm fs cat '/tmp/sessions/*'",
    "edge-fpm fs put config.php /app/config/            # get brings one back; -r for folders",
    "edge-fpm fs export > backup.tar                    # tar tf reads it",
    "edge-fpm fs import --url https://example.org < backup.tar",
  ],
  notes: [
    "Paths in the pool are as PHP sees them, from the root; * and ? are for this command, in quotes.",
    "A deployed Worker needs the secret EDGE_FPM_FILES_TOKEN; see docs/filesystem.md.",
    "`edge-fpm serve` and `fpm` have no pool of files: PHP uses this machine's own, and ls, cp and tar are for those.",
    "0: done; 1: something failed; 2: a wrong option.",
  ],
  run,
};

async function run(args: Arguments): Promise<number> {
  const [name, ...paths] = args.positionals;
  const known = Object.keys(actions);
  const action = name === undefined || !known.includes(name) ? undefined : actions[name];
  if (action === undefined) {
    const meant = name === undefined ? undefined : nearest(name, known);
    throw new CliError(name === undefined ? "Needs an action." : `There is no action "${name}".`, {
      exitCode: 2,
      hint: meant === undefined ? `One of ${known.join(", ")}; see: edge-fpm fs --help` : `Did you mean "${meant}"?`,
    });
  }
  stopWhenNobodyReads();
  const { files, close } = await reachFiles(args);
  try {
    return await action(files, paths, args);
  } finally {
    await close();
  }
}
