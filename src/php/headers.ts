// Reading the response headers as PHP's SAPI hands them over: nearly JSON, but with the bytes of the header lines as
// the script wrote them, so `JSON.parse` would refuse some and a text decoder would change others.

/** The status code and the header lines (byte strings) of a response. */
export interface PhpHeaders {
  readonly status: number;
  readonly lines: readonly string[];
}

/** What the SAPI writes after the last line. */
const TERMINATOR = "__terminator__";

/**
 * Reads `{ "status": 200, "headers": ["Name: value", ..., "__terminator__"]}`. In a line only `"` and `\` are
 * escaped; every other byte stands for itself.
 *
 * @returns `undefined` while the text is not complete
 */
export function parseHeaders(text: string): PhpHeaders | undefined {
  const status = /^\{ "status": (\d+), "headers": \[/.exec(text);
  if (status === null) return undefined;
  const lines: string[] = [];
  let at = status[0].length;
  while (at < text.length) {
    const open = text.indexOf('"', at);
    if (open < 0) return undefined;
    let line = "";
    let end = open + 1;
    for (; end < text.length && text[end] !== '"'; end++) {
      if (text[end] === "\\") end++;
      line += text[end] ?? "";
    }
    if (end >= text.length) return undefined;
    if (line === TERMINATOR) return { status: Number(status[1]), lines };
    lines.push(line);
    at = end + 1;
  }
  return undefined;
}
