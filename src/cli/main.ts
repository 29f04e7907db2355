// The `edge-fpm` command: finds the subcommand, runs it, and turns failures into readable lines and an exit code.

import { type Command, parseCommandLine, renderHelp } from "./command.ts";
import { commands } from "./commands.ts";
import { CliError, messageOf } from "./failure.ts";
import { nearest } from "./nearest.ts";
import { bold, note, red } from "./terminal.ts";
import { version } from "./version.ts";

function overview(): string {
  const width = Math.max(...commands.map((command) => command.name.length)) + 2;
  return [
    `edge-fpm ${version()}: PHP compiled to WebAssembly, resident, behind real FastCGI`,
    "",
    "Usage: edge-fpm <command> [options]",
    "",
    "Commands:",
    ...commands.map((command) => `  ${command.name.padEnd(width)}${command.summary}`),
    "",
    "edge-fpm <command> --help tells more.",
    "",
  ].join("\n");
}

/** @throws {CliError} exit code 2 when there is no such command */
function find(name: string): Command {
  const command = commands.find((candidate) => candidate.name === name);
  if (command !== undefined) return command;
  const what = name.startsWith("-") ? `There is no option ${name} before a command.` : `There is no command "${name}".`;
  const meant = nearest(
    name,
    commands.map((candidate) => candidate.name),
  );
  const see = "See: edge-fpm --help";
  throw new CliError(what, { exitCode: 2, hint: meant === undefined ? see : `Did you mean "${meant}"? ${see}` });
}

async function main(argv: readonly string[]): Promise<number> {
  const [name, ...rest] = argv;
  if (name === undefined) {
    process.stderr.write(overview());
    return 2;
  }
  if (name === "--help" || name === "-h" || name === "help") {
    const [topic] = rest;
    process.stdout.write(name === "help" && topic !== undefined ? renderHelp(find(topic)) : overview());
    return 0;
  }
  if (name === "--version" || name === "-v") {
    process.stdout.write(`edge-fpm ${version()}\n`);
    return 0;
  }
  const command = find(name);
  const asked = command.readsArguments === true ? rest.slice(0, 1) : rest;
  if (asked.includes("--help") || asked.includes("-h")) {
    process.stdout.write(renderHelp(command));
    return 0;
  }
  return command.run(parseCommandLine(command, rest));
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  note(`${bold(red("edge-fpm:"))} ${messageOf(error)}`);
  if (error instanceof CliError) {
    if (error.hint !== undefined) note(error.hint);
    process.exitCode = error.exitCode;
  } else {
    if (process.env.EDGE_FPM_DEBUG !== undefined && error instanceof Error) note(String(error.stack));
    process.exitCode = 1;
  }
}
