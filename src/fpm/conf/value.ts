// The value of a line, as php-fpm's scanner reads it (php-src Zend/zend_ini_scanner.l, mode NORMAL, one line at a time):
// bare words, "quoted" and 'raw' pieces side by side, ${VARIABLES}, switches, E_ constants and the operators | & ^ ~ !.

/** Where names in values are looked up; undefined: there is no such thing. */
export interface Names {
  /** `${NAME}`. */
  variable(name: string): string | undefined;
  /** A bare word such as `E_ALL`. */
  constant(name: string): string | undefined;
}

/** A text that the grammar does not know. */
export class SyntaxFault extends Error {
  override readonly name = "SyntaxFault";
}

/** A value, and where it ended: at the comment, or at the end of the text. */
export interface ValueText {
  readonly value: string;
  readonly next: number;
}

/**
 * Reads the value that starts at `start`, up to the end of the line or a comment. Nothing there is "".
 *
 * @throws {SyntaxFault}
 */
export function readValue(text: string, start: number, names: Names): ValueText {
  const reader = new ValueReader(text, start, names);
  const value = reader.whole();
  return { value, next: reader.at };
}

/**
 * Reads `${NAME}` pieces, quotes and bare text up to `]`: the key of an array entry, or the name of a section.
 *
 * @throws {SyntaxFault} when there is no `]`
 */
export function readBracket(text: string, start: number, names: Names): ValueText {
  const reader = new ValueReader(text, start, names);
  const value = reader.bracket();
  return { value, next: reader.at };
}

/** What a switch stands for, whole words only. */
const SWITCHES: Readonly<Record<string, string>> = {
  true: "1",
  on: "1",
  yes: "1",
  false: "",
  off: "",
  no: "",
  none: "",
  null: "",
};

/** Ends a bare word. */
const SPECIAL = /[=;"'|&^~!()\s]/;

/** Deepest nesting of operators; without a bound, a hostile line could overflow the stack. */
const MAX_DEPTH = 50;

class ValueReader {
  readonly #text: string;
  readonly #names: Names;
  at: number;

  constructor(text: string, at: number, names: Names) {
    this.#text = text;
    this.#names = names;
    this.at = at;
  }

  whole(): string {
    this.#skipBlank();
    if (this.#atEnd()) return "";
    const word = /^[A-Za-z]+/.exec(this.#text.slice(this.at))?.[0];
    const meaning = word === undefined ? undefined : SWITCHES[word.toLowerCase()];
    if (word !== undefined && meaning !== undefined && /^\s*(;|$)/.test(this.#text.slice(this.at + word.length))) {
      this.at += word.length;
      return meaning;
    }
    const value = this.#operation(0);
    if (!this.#atEnd()) throw new SyntaxFault(`unexpected ${JSON.stringify(this.#char())}: put the value in quotes`);
    return value;
  }

  bracket(): string {
    let value = "";
    this.#skipBlank();
    for (;;) {
      const char = this.#char();
      if (char === undefined) throw new SyntaxFault("the closing ] is missing");
      if (char === "]") break;
      if (char === '"') value += this.#quoted();
      else if (char === "'") value += this.#raw();
      else if (char === "$" && this.#text[this.at + 1] === "{") value += this.#reference();
      else {
        value += char;
        this.at += 1;
      }
    }
    this.at += 1;
    return value;
  }

  /** Operands from the left to the right: PHP gives the operators no precedence of their own. */
  #operation(depth: number): string {
    let left = this.#operand(depth);
    for (;;) {
      const operator = this.#char();
      if (operator !== "|" && operator !== "&" && operator !== "^") return left;
      this.at += 1;
      const right = integer(this.#operand(depth));
      const number = integer(left);
      left = String(operator === "|" ? number | right : operator === "&" ? number & right : number ^ right);
    }
  }

  #operand(depth: number): string {
    if (depth > MAX_DEPTH) throw new SyntaxFault(`at most ${MAX_DEPTH} operators within one another`);
    this.#skipBlank();
    const char = this.#char();
    if (char === "~" || char === "!") {
      this.at += 1;
      const number = integer(this.#operand(depth + 1));
      return String(char === "~" ? ~number : number === 0 ? 1 : 0);
    }
    if (char === "(") {
      this.at += 1;
      const value = this.#operation(depth + 1);
      this.#skipBlank();
      if (this.#char() !== ")") throw new SyntaxFault("a closing parenthesis is missing");
      this.at += 1;
      this.#skipBlank();
      return value;
    }
    return this.#pieces();
  }

  /** Words, quotes and variables side by side. Blanks between bare words count, others do not. */
  #pieces(): string {
    const begin = this.at;
    let value = "";
    /** Blanks seen since the last piece: they count only when another bare piece follows. */
    let blanks = "";
    for (;;) {
      const char = this.#char();
      if (char === undefined || char === ";") break;
      if (/\s/.test(char)) {
        blanks += char;
        this.at += 1;
      } else if (char === '"') {
        value += blanks + this.#quoted();
        blanks = "";
        // Blanks after a closing quote belong to the quote.
        this.#skipBlank();
      } else if (char === "'") {
        value += blanks + this.#raw();
        blanks = "";
      } else if (char === "$" && this.#text[this.at + 1] === "{") {
        value += blanks + this.#reference();
        blanks = "";
      } else if (!SPECIAL.test(char)) {
        value += blanks + this.#bare();
        blanks = "";
      } else break;
    }
    if (this.at === begin) {
      const char = this.#char();
      throw new SyntaxFault(char === undefined ? "a value is missing" : `unexpected ${JSON.stringify(char)}`);
    }
    return value;
  }

  #bare(): string {
    const begin = this.at;
    for (let char = this.#char(); char !== undefined && !SPECIAL.test(char); char = this.#char()) {
      if (char === "$" && this.#text[this.at + 1] === "{") {
        // `$${NAME}` is no reference.
        if (this.#text[this.at - 1] !== "$") break;
      }
      this.at += 1;
    }
    const word = this.#text.slice(begin, this.at);
    // A switch beside something else is neither: php-fpm refuses it too.
    if (SWITCHES[word.toLowerCase()] !== undefined) {
      throw new SyntaxFault(`${JSON.stringify(word)} beside other words: put the value in quotes`);
    }
    return (/^[A-Za-z_]\w*$/.test(word) ? this.#names.constant(word) : undefined) ?? word;
  }

  #quoted(): string {
    let value = "";
    for (this.at += 1; ; ) {
      const char = this.#char();
      if (char === undefined) throw new SyntaxFault('the closing " is missing; a value cannot go on in the next line');
      if (char === '"') break;
      const next = this.#text[this.at + 1];
      if (char === "\\" && (next === '"' || next === "\\" || next === "$")) {
        value += next;
        this.at += 2;
      } else if (char === "$" && next === "{") value += this.#reference();
      else {
        value += char;
        this.at += 1;
      }
    }
    this.at += 1;
    return value;
  }

  #raw(): string {
    const end = this.#text.indexOf("'", this.at + 1);
    if (end === -1) throw new SyntaxFault("the closing ' is missing; a value cannot go on in the next line");
    const value = this.#text.slice(this.at + 1, end);
    this.at = end + 1;
    return value;
  }

  #reference(): string {
    const match = /^\$\{([^{}\s;"']+)\}/.exec(this.#text.slice(this.at));
    if (match?.[1] === undefined) throw new SyntaxFault("a name and a closing brace after $" + "{");
    this.at += match[0].length;
    return this.#names.variable(match[1]) ?? "";
  }

  #skipBlank(): void {
    while (/\s/.test(this.#char() ?? "x")) this.at += 1;
  }

  #atEnd(): boolean {
    const char = this.#char();
    return char === undefined || char === ";";
  }

  #char(): string | undefined {
    return this.#text[this.at];
  }
}

/** The number that a text begins with, as C's atoi reads it. */
function integer(text: string): number {
  return Number.parseInt(text, 10) || 0;
}

/** PHP's error levels, the constants that a configuration uses. */
const ERROR_LEVELS: Readonly<Record<string, number>> = {
  E_ERROR: 1,
  E_WARNING: 2,
  E_PARSE: 4,
  E_NOTICE: 8,
  E_CORE_ERROR: 16,
  E_CORE_WARNING: 32,
  E_COMPILE_ERROR: 64,
  E_COMPILE_WARNING: 128,
  E_USER_ERROR: 256,
  E_USER_WARNING: 512,
  E_USER_NOTICE: 1024,
  E_STRICT: 2048,
  E_RECOVERABLE_ERROR: 4096,
  E_DEPRECATED: 8192,
  E_USER_DEPRECATED: 16384,
  // Up to PHP 8.3; from 8.4 on without E_STRICT, which no version since 8.0 raises.
  E_ALL: 32767,
};

export function errorLevel(name: string): string | undefined {
  return Object.hasOwn(ERROR_LEVELS, name) ? String(ERROR_LEVELS[name]) : undefined;
}
