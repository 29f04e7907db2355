// nginx's grammar: words, `;` and blocks. Text comes in, directives with their lines come out; includes are `read.ts`'s.

/** A directive, with its block if it has one. */
export interface Directive {
  readonly name: string;
  readonly args: readonly string[];
  readonly block: readonly Directive[] | undefined;
  readonly file: string;
  /** From 1; of the name. */
  readonly line: number;
}

/** The file is no nginx configuration. `code` is `NGINX_SYNTAX`; the operator's to mend. */
export class NginxSyntaxError extends Error {
  override readonly name = "NginxSyntaxError";
  readonly code = "NGINX_SYNTAX";

  constructor(file: string, line: number, what: string) {
    super(`${file}:${line}: ${what}`);
  }
}

/** Deepest nesting of blocks; nginx's own contexts need six. */
const MAX_DEPTH = 64;

type Token =
  | { readonly type: "word"; readonly text: string; readonly line: number }
  | { readonly type: ";" | "{" | "}"; readonly line: number };

/**
 * @param file for messages and for `Directive.file`
 * @throws {NginxSyntaxError}
 */
export function parseNginx(text: string, file: string): Directive[] {
  const reader = new Reader(text.startsWith("\ufeff") ? text.slice(1) : text, file);
  return block(reader, 0, undefined);
}

function block(reader: Reader, depth: number, opened: number | undefined): Directive[] {
  if (depth > MAX_DEPTH) throw reader.error(`blocks are nested more than ${MAX_DEPTH} deep`);
  const directives: Directive[] = [];
  for (;;) {
    const first = reader.next();
    if (first === undefined) {
      if (opened === undefined) return directives;
      throw reader.error(`the block that begins in line ${opened} has no end: a "}" is missing`);
    }
    if (first.type === "}") {
      if (opened !== undefined) return directives;
      throw reader.error('there is no block that this "}" ends');
    }
    if (first.type !== "word") throw reader.error(`"${first.type}" where a directive's name should be`);
    directives.push(directive(reader, depth, first.text, first.line));
  }
}

function directive(reader: Reader, depth: number, name: string, line: number): Directive {
  const args: string[] = [];
  for (;;) {
    const token = reader.next();
    if (token === undefined) throw reader.error(`${name} of line ${line} has no end: a ";" is missing`);
    if (token.type === "word") args.push(token.text);
    else if (token.type === ";") return { name, args, block: undefined, file: reader.file, line };
    else if (token.type === "}") throw reader.error(`${name} of line ${line} has no end: a ";" is missing`);
    else if (name.endsWith("_by_lua_block")) {
      reader.skipCode(line);
      return { name, args, block: [], file: reader.file, line };
    } else return { name, args, block: block(reader, depth + 1, line), file: reader.file, line };
  }
}

class Reader {
  readonly file: string;
  readonly #text: string;
  #at = 0;
  #line = 1;

  constructor(text: string, file: string) {
    this.#text = text;
    this.file = file;
  }

  error(what: string): NginxSyntaxError {
    return new NginxSyntaxError(this.file, this.#line, what);
  }

  /** The next token; `undefined` at the end. */
  next(): Token | undefined {
    const text = this.#text;
    for (; this.#at < text.length; this.#at++) {
      const char = text[this.#at] as string;
      if (char === "\n") this.#line++;
      else if (char === "#") {
        const end = text.indexOf("\n", this.#at);
        this.#at = (end === -1 ? text.length : end) - 1;
      } else if (!/\s/.test(char)) {
        if (char !== ";" && char !== "{" && char !== "}") return this.#word(char);
        this.#at++;
        return { type: char, line: this.#line };
      }
    }
    return undefined;
  }

  #word(first: string): Token {
    const line = this.#line;
    const quote = first === '"' || first === "'" ? first : undefined;
    if (quote !== undefined) this.#at++;
    const text = this.#text;
    let word = "";
    for (; this.#at < text.length; this.#at++) {
      const char = text[this.#at] as string;
      if (char === "\n") this.#line++;
      if (char === "\\" && this.#at + 1 < text.length) {
        word += escaped(text[++this.#at] as string);
        if (text[this.#at] === "\n") this.#line++;
      } else if (quote === undefined ? this.#ends(char) : char === quote) {
        if (quote === undefined) {
          if (char === "\n") this.#line--;
          return { type: "word", text: word, line };
        }
        this.#at++;
        const after = text[this.#at];
        if (after !== undefined && !/[\s;{)]/.test(after)) throw this.error(`"${after}" right behind a closing quote`);
        return { type: "word", text: word, line };
      } else word += char;
    }
    if (quote !== undefined) throw new NginxSyntaxError(this.file, line, `the quote ${quote} is never closed`);
    return { type: "word", text: word, line };
  }

  /** Of a word without quotes. The brace of `${name}` opens no block. */
  #ends(char: string): boolean {
    return /[\s;]/.test(char) || (char === "{" && this.#text[this.#at - 1] !== "$");
  }

  /** Over Lua, whose braces nest and may stand in strings and comments. */
  skipCode(opened: number): void {
    const token =
      /--\[(=*)\[[\s\S]*?\]\1\]|--[^\n]*|\[(=*)\[[\s\S]*?\]\2\]|"(?:\\[\s\S]|[^"\\])*"|'(?:\\[\s\S]|[^'\\])*'|[{}]/g;
    token.lastIndex = this.#at;
    let depth = 1;
    for (let match = token.exec(this.#text); match !== null; match = token.exec(this.#text)) {
      if (match[0] === "{") depth++;
      if (match[0] === "}" && --depth === 0) {
        const end = match.index + 1;
        this.#line += this.#text.slice(this.#at, end).split("\n").length - 1;
        this.#at = end;
        return;
      }
    }
    throw new NginxSyntaxError(this.file, opened, "the Lua block has no end");
  }
}

/** nginx keeps the backslash of what it does not know, for regular expressions. */
function escaped(char: string): string {
  if (char === '"' || char === "'" || char === "\\") return char;
  return { t: "\t", r: "\r", n: "\n" }[char] ?? `\\${char}`;
}
