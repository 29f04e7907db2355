// The command by which PHP hands over a mail: `sendmail_path` with what mail()'s fifth argument adds to it, or a sendmail
// that a library calls itself. Nobody runs it; this reads what it asks for.

/** What a sendmail command asks for. */
export interface SendmailCall {
  /** `-f`, `-r`: the envelope's sender; "" for none. */
  readonly from?: string;
  /** Recipients on the command line. */
  readonly recipients: readonly string[];
  /** `-t`: recipients are in the header. */
  readonly fromHeader: boolean;
  /** An option that is not known here. */
  readonly unknown?: string;
}

/** Options whose value is the rest of the word, or the next one (sendmail(8), postfix's sendmail(1)). */
const WITH_VALUE = new Set(["f", "r", "F", "B", "C", "N", "R", "V", "O", "X", "L", "h", "p"]);

/** Options that change nothing here: `-i`, `-oi` and the like, `-bm`, `-v`, `-U`, `-m`, `-n`, `-G`. */
const WITHOUT_MEANING = /^(?:i|o.+|bm|v+|U|m|n|G|em|ep|eq)$/;

/**
 * Reads a command line.
 *
 * @param command as given to the shell
 * @param programs paths and names that are taken for sendmail
 * @returns undefined when it is another program, or asks for more of the shell than quotes
 */
export function readSendmailCommand(command: string, programs: readonly string[] = []): SendmailCall | undefined {
  const words = shellWords(command);
  const program = words?.[0];
  if (words === undefined || program === undefined) return undefined;
  const name = program.slice(program.lastIndexOf("/") + 1);
  if (name !== "sendmail" && !programs.includes(program)) return undefined;
  const recipients: string[] = [];
  let from: string | undefined;
  let fromHeader = false;
  let unknown: string | undefined;
  for (let i = 1; i < words.length; i++) {
    const word = words[i] ?? "";
    if (word === "--") {
      recipients.push(...words.slice(i + 1));
      break;
    }
    if (!word.startsWith("-") || word === "-") {
      recipients.push(word);
      continue;
    }
    const option = word.slice(1);
    const letter = option.charAt(0);
    if (option === "t") fromHeader = true;
    else if (option === "ti" || option === "it") fromHeader = true;
    else if (WITH_VALUE.has(letter)) {
      const value = option.length > 1 ? option.slice(1) : (words[++i] ?? "");
      if (letter === "f" || letter === "r") from = value;
    } else if (!WITHOUT_MEANING.test(option)) unknown ??= word;
  }
  return {
    ...(from === undefined ? {} : { from: from.replace(/^<(.*)>$/, "$1") }),
    recipients,
    fromHeader,
    ...(unknown === undefined ? {} : { unknown }),
  };
}

/** Words of a command without expansions, redirections, pipes and lists; undefined for one with any of them. */
function shellWords(command: string): string[] | undefined {
  const words: string[] = [];
  let word: string | undefined;
  for (let i = 0; i < command.length; i++) {
    const char = command.charAt(i);
    if (char === " " || char === "\t" || char === "\n") {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (char === "'") {
      const end = command.indexOf("'", i + 1);
      if (end < 0) return undefined;
      word = (word ?? "") + command.slice(i + 1, end);
      i = end;
    } else if (char === '"') {
      let text = "";
      for (i++; command.charAt(i) !== '"'; i++) {
        if (i >= command.length || /[$`]/.test(command.charAt(i))) return undefined;
        if (command.charAt(i) === "\\" && /[\\"$`]/.test(command.charAt(i + 1))) i++;
        text += command.charAt(i);
      }
      word = (word ?? "") + text;
    } else if (char === "\\") {
      if (i + 1 >= command.length) return undefined;
      word = (word ?? "") + command.charAt(++i);
    } else if (char === "#" && word === undefined) {
      break;
    } else if (/[|&;<>()$`]/.test(char)) {
      return undefined;
    } else {
      word = (word ?? "") + char;
    }
  }
  if (word !== undefined) words.push(word);
  return words;
}
