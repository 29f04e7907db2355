// The grammar of php.ini as PHP reads it (php-src Zend/zend_ini_scanner.l and zend_ini_parser.y, normal mode), for the texts
// that the host applies itself: PHP_VALUE, PHP_ADMIN_VALUE and .user.ini.

/** One setting of a text. */
export interface IniSetting {
  readonly name: string;
  readonly value: string;
}

/** Constants that a value may name (php-src Zend/zend_errors.h). Other words stand for themselves. */
const CONSTANTS: ReadonlyMap<string, number> = new Map([
  ["E_ERROR", 1],
  ["E_WARNING", 2],
  ["E_PARSE", 4],
  ["E_NOTICE", 8],
  ["E_CORE_ERROR", 16],
  ["E_CORE_WARNING", 32],
  ["E_COMPILE_ERROR", 64],
  ["E_COMPILE_WARNING", 128],
  ["E_USER_ERROR", 256],
  ["E_USER_WARNING", 512],
  ["E_USER_NOTICE", 1024],
  ["E_STRICT", 2048],
  ["E_RECOVERABLE_ERROR", 4096],
  ["E_DEPRECATED", 8192],
  ["E_USER_DEPRECATED", 16384],
  ["E_ALL", 32767],
]);

/**
 * Reads the settings of a text (a byte string), in their order. Sections count as if they were not there, but those
 * for a path or a host are left out, and so are arrays: neither can be set for a request. A line that PHP could not read
 * ends the text there, as it ends it in PHP.
 *
 * @param variable what `${NAME}` stands for; default: nothing
 */
export function parseIniText(text: string, variable: (name: string) => string = () => ""): IniSetting[] {
  const settings: IniSetting[] = [];
  let special = false;
  for (let at = 0; at < text.length; ) {
    const blank = /[ \t\r\n]*/y;
    blank.lastIndex = at;
    at += blank.exec(text)?.[0].length ?? 0;
    if (at >= text.length) break;
    const rest = text.slice(at);
    const section = /^\[([^\]\r\n]*)\][ \t]*/.exec(rest);
    const comment = /^;[^\r\n]*/.exec(rest);
    const label = /^([^=\n\r\t;&|^$~(){}!"[]+?)[ \t]*(=[ \t]*|(?=[\r\n;]|$))/.exec(rest);
    if (comment !== null) {
      at += comment[0].length;
    } else if (section !== null) {
      special = /^(PATH|HOST)/i.test(section[1] ?? "");
      at += section[0].length;
    } else if (label !== null) {
      at += label[0].length;
      if (!label[2]?.startsWith("=")) continue;
      const reader = new ValueReader(text, at, variable);
      const value = reader.value();
      at = reader.at;
      if (value === undefined) break;
      if (!special) settings.push({ name: label[1] ?? "", value });
    } else {
      const array = /^[^=\n\r\t;&|^$~(){}!"[]+\[[^\]\r\n]*\][ \t]*=[^\r\n]*/.exec(rest);
      if (array === null) break;
      at += array[0].length;
    }
  }
  return settings;
}

/** Reads one value, from behind the equals sign to the end of its line. */
class ValueReader {
  readonly #text: string;
  readonly #variable: (name: string) => string;
  at: number;

  constructor(text: string, at: number, variable: (name: string) => string) {
    this.#text = text;
    this.at = at;
    this.#variable = variable;
  }

  /** @returns `undefined` when the value cannot be read */
  value(): string | undefined {
    const word = this.#match(/(?:(true|on|yes)|(false|off|no|none|null))[ \t]*(?=[\r\n;]|$)/iy);
    if (word !== undefined) return word[1] === undefined ? "" : "1";
    if (this.#match(/[ \t]*(?:;[^\r\n]*)?(?=[\r\n]|$)/y) !== undefined) return "";
    const value = this.#expression();
    this.#match(/[ \t]*(;[^\r\n]*)?/y);
    return value === undefined || !/^[\r\n]?$/.test(this.#text[this.at] ?? "") ? undefined : value;
  }

  /** Operators have one rank and count from the left. */
  #expression(): string | undefined {
    let left = this.#operand();
    for (;;) {
      const operator = this.#match(/[ \t]*([|&^])[ \t]*/y)?.[1];
      if (left === undefined || operator === undefined) return left;
      const right = this.#operand();
      if (right === undefined) return undefined;
      const [a, b] = [number(left), number(right)];
      left = String(operator === "|" ? a | b : operator === "&" ? a & b : a ^ b);
    }
  }

  #operand(): string | undefined {
    const prefix = this.#match(/([~!(])[ \t]*/y)?.[1];
    if (prefix === undefined) return this.#words();
    const inner = prefix === "(" ? this.#expression() : this.#operand();
    if (inner === undefined) return undefined;
    if (prefix === "(") return this.#match(/[ \t]*\)[ \t]*/y) === undefined ? undefined : inner;
    return String(prefix === "~" ? ~number(inner) : number(inner) === 0 ? 1 : 0);
  }

  /** Pieces that follow one another: quoted texts, variables, words. Blanks between them count, around them not. */
  #words(): string | undefined {
    let value = "";
    let first = true;
    for (;;) {
      const blanks = this.#match(/[ \t]+/y)?.[0];
      // Blanks before a text in double quotes belong to the quote.
      const apart = this.#text[this.at] === '"' ? "" : (blanks ?? "");
      const piece = this.#piece();
      if (piece === undefined) return undefined;
      if (piece === "end") {
        // The blanks stay for whoever reads on.
        this.at -= blanks?.length ?? 0;
        return first ? undefined : value;
      }
      value += (first ? "" : apart) + piece.text;
      first = false;
    }
  }

  #piece(): { readonly text: string } | "end" | undefined {
    const next = this.#text[this.at];
    if (next === '"') return this.#quoted();
    if (next === "'") {
      const raw = this.#match(/'([^']*)'/y);
      return raw === undefined ? undefined : { text: raw[1] ?? "" };
    }
    const name = this.#match(/\$\{([^}\r\n]*)\}/y);
    if (name !== undefined) return { text: this.#variable(name[1] ?? "") };
    const word = this.#match(/(?:[^$ \t\r\n;&|^~()!"'\0]|\$(?!\{))+/y)?.[0];
    if (word === undefined) return "end";
    return { text: String(CONSTANTS.get(word) ?? word) };
  }

  #quoted(): { readonly text: string } | undefined {
    let text = "";
    for (this.at += 1; this.at < this.#text.length; ) {
      const next = this.#text[this.at] ?? "";
      const name = this.#match(/\$\{([^}\r\n]*)\}/y);
      if (name !== undefined) {
        text += this.#variable(name[1] ?? "");
      } else if (next === '"') {
        this.at += 1;
        return { text };
      } else if (next === "\\" && /["\\$]/.test(this.#text[this.at + 1] ?? "")) {
        text += this.#text[this.at + 1];
        this.at += 2;
      } else {
        text += next;
        this.at += 1;
      }
    }
    return undefined;
  }

  #match(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.#text) ?? undefined;
    if (found !== undefined) this.at += found[0].length;
    return found;
  }
}

function number(text: string): number {
  return Number.parseInt(text, 10) || 0;
}
