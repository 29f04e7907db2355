// `edge-fpm completion`: what a shell offers when Tab is pressed, made from the tables of the commands.

import type { Arguments, Command, OptionSpec } from "./command.ts";
import { CliError } from "./failure.ts";

const SHELLS = ["bash", "zsh", "fish"] as const;

/** @param commands asked when it runs: this command is one of them */
export function completion(commands: () => readonly Command[]): Command {
  return {
    name: "completion",
    usage: "bash|zsh|fish",
    summary: "Print the completions of a shell",
    options: {},
    examples: [
      "edge-fpm completion bash > /etc/bash_completion.d/edge-fpm",
      'edge-fpm completion zsh > "$' + '{fpath[1]}/_edge-fpm"',
      "edge-fpm completion fish > ~/.config/fish/completions/edge-fpm.fish",
    ],
    run: async (args) => print(args, commands()),
  };
}

function print(args: Arguments, commands: readonly Command[]): number {
  const [name, ...more] = args.positionals;
  const shell = SHELLS.find((known) => known === name);
  if (shell === undefined || more.length > 0) {
    throw new CliError(`Needs one of ${SHELLS.join(", ")}.`, { exitCode: 2, hint: "See: edge-fpm completion --help" });
  }
  const makers = { bash, zsh, fish };
  process.stdout.write(makers[shell](commands));
  return 0;
}

/** What follows a command besides options: words, or files. */
function words(command: Command): readonly string[] {
  return command.name === "completion" ? SHELLS : [];
}

function flags(command: Command): readonly (readonly [name: string, option: OptionSpec])[] {
  return [...Object.entries(command.options), ["help", { type: "boolean", short: "h", help: "this text" }]];
}

function bash(commands: readonly Command[]): string {
  const cases = commands.flatMap((command) => {
    const options = flags(command).flatMap(([name, { short }]) => [
      `--${name}`,
      ...(short === undefined ? [] : [`-${short}`]),
    ]);
    const choices = flags(command).flatMap(([name, { choices, short }]) =>
      choices === undefined
        ? []
        : [{ pattern: [`--${name}`, ...(short === undefined ? [] : [`-${short}`])].join("|"), choices }],
    );
    return [
      `    ${command.name})`,
      ...(choices.length === 0
        ? []
        : [
            '      case "$previous" in',
            ...choices.map(
              ({ pattern, choices: list }) =>
                `        ${pattern}) COMPREPLY=($(compgen -W "${list.join(" ")}" -- "$current")); return ;;`,
            ),
            "      esac",
          ]),
      `      words="${[...words(command)].join(" ")}"`,
      `      options="${options.join(" ")}" ;;`,
    ];
  });
  return `# bash completion for edge-fpm
_edge_fpm() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" words="" options=""
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${commands.map(({ name }) => name).join(" ")} help --help --version" -- "$current"))
    return
  fi
  case "\${COMP_WORDS[1]}" in
${cases.join("\n")}
    help)
      words="${commands.map(({ name }) => name).join(" ")}" ;;
  esac
  if [[ "$current" == -* ]]; then
    COMPREPLY=($(compgen -W "$options" -- "$current"))
  elif [ -n "$words" ]; then
    COMPREPLY=($(compgen -W "$words" -- "$current"))
  else
    COMPREPLY=($(compgen -f -- "$current"))
  fi
}
complete -o filenames -F _edge_fpm edge-fpm
`;
}

function zsh(commands: readonly Command[]): string {
  const list = commands.map(({ name, summary }) => `    ${quote(`${name}:${summary.replaceAll(":", "\\:")}`)}`);
  const cases = commands.map((command) => {
    const specs = flags(command).flatMap(([name, option]) => {
      const help = `[${firstLine(option.help).replaceAll(/[[\]\\]/g, "\\$&")}]`;
      const value =
        option.type === "boolean"
          ? ""
          : `:${valueName(option)}:${option.choices === undefined ? "_files" : `(${option.choices.join(" ")})`}`;
      const star = option.multiple === true ? "*" : "";
      const names = [`--${name}`, ...(option.short === undefined ? [] : [`-${option.short}`])];
      return names.map((form) => quote(`${star}${form}${help}${value}`));
    });
    const rest = words(command).length > 0 ? `*:word:(${words(command).join(" ")})` : "*:file:_files";
    return `    ${command.name}) _arguments ${[...specs, quote(rest)].join(" ")} ;;`;
  });
  return `#compdef edge-fpm
# zsh completion for edge-fpm
_edge_fpm() {
  local -a commands
  commands=(
${list.join("\n")}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local name="$words[2]"
  shift words
  (( CURRENT-- ))
  case "$name" in
${cases.join("\n")}
  esac
}
if [ "$funcstack[1]" = "_edge-fpm" ]; then _edge_fpm "$@"; else compdef _edge_fpm edge-fpm; fi
`;
}

function fish(commands: readonly Command[]): string {
  const lines = ["# fish completion for edge-fpm"];
  for (const command of commands) {
    lines.push(`complete -c edge-fpm -n __fish_use_subcommand -f -a ${command.name} -d ${quote(command.summary)}`);
  }
  for (const command of commands) {
    const seen = `-n ${quote(`__fish_seen_subcommand_from ${command.name}`)}`;
    for (const [name, option] of flags(command)) {
      const short = option.short === undefined ? "" : ` -s ${option.short}`;
      const value =
        option.type === "boolean"
          ? ""
          : option.choices === undefined
            ? " -r"
            : ` -x -a ${quote(option.choices.join(" "))}`;
      lines.push(`complete -c edge-fpm ${seen} -l ${name}${short}${value} -d ${quote(firstLine(option.help))}`);
    }
    if (words(command).length > 0) lines.push(`complete -c edge-fpm ${seen} -f -a ${quote(words(command).join(" "))}`);
  }
  return `${lines.join("\n")}\n`;
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0] ?? "";
}

function valueName(option: OptionSpec): string {
  return (option.value ?? "value").replaceAll(/[<>:]/g, "");
}

/** One word for a POSIX shell and for fish, which both take a quote in quotes this way. */
function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
