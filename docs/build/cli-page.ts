// docs/cli.md, made from the tables that the command itself reads its options and its help from.

import type { Command, OptionSpec } from "../../src/cli/command.ts";

/** The page about the command line. */
export function cliPage(commands: readonly Command[]): string {
  return `# Command line

Made from the command's own tables, which \`--help\` shows too. Addresses of FastCGI applications are \`127.0.0.1:9000\`,
\`:9000\`, \`[::1]:9000\`, \`unix:/run/php/php8.2-fpm.sock\` or the path of a socket alone. An unknown option is refused with the
nearest known one and the exit code 2.

| command | |
| --- | --- |
${commands.map(({ name, summary }) => `| [\`${name}\`](#${name}) | ${cell(summary)} |`).join("\n")}

${commands.map(section).join("\n\n")}
`;
}

function section(command: Command): string {
  const { name, usage, summary, options, examples, notes } = command;
  const rows = Object.entries(options);
  return [
    `## ${name}`,
    `${summary}.`,
    fence([`edge-fpm ${name} ${usage}`]),
    ...(rows.length === 0 ? [] : [["| option | |", "| --- | --- |", ...rows.map(row)].join("\n")]),
    fence(examples),
    ...(notes === undefined ? [] : [notes.join("\n")]),
  ].join("\n\n");
}

function row([name, option]: readonly [string, OptionSpec]): string {
  const short = option.short === undefined ? "" : `-${option.short}, `;
  const value = option.value === undefined ? "" : ` ${option.value}`;
  return `| \`${short}--${name}${value.replaceAll("|", "\\|")}\` | ${cell(option.help)} |`;
}

function fence(lines: readonly string[]): string {
  return ["```sh", ...lines, "```"].join("\n");
}

/** Help as the cell of a table: one line, and nothing that Markdown or HTML would read. */
function cell(help: string): string {
  return help.replaceAll("\n", " ").replaceAll("|", "\\|").replaceAll("<", "&lt;").replaceAll("*", "\\*");
}
