// How values from outside stand in a line of the log: nothing that a visitor sends may end the line or the field.

/** nginx's `escape=`: `\xHH` for what is not plain, JSON's escapes, or nothing at all. */
export type LogEscape = "default" | "json" | "none";

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const NOT_PLAIN = /["\\\x00-\x1f\x7f-\uffff]/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const NOT_PLAIN_ALL = /["\\\x00-\x1f\x7f-\uffff]/g;

/** A byte string as nginx writes it by default. ASCII comes out, whatever goes in. */
export function escapeDefault(value: string): string {
  return NOT_PLAIN.test(value) ? value.replace(NOT_PLAIN_ALL, hex) : value;
}

/** A byte string for the inside of a JSON string. What is no UTF-8 becomes U+FFFD; nginx passes it on, and no parser takes it. */
export function escapeJson(value: string): string {
  return NOT_PLAIN.test(value) ? JSON.stringify(textOf(value)).slice(1, -1) : value;
}

/** The bytes of a byte string read as UTF-8. */
export function textOf(byteString: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: ASCII is what is asked for.
  if (/^[\x00-\x7f]*$/.test(byteString)) return byteString;
  return new TextDecoder().decode(Uint8Array.from(byteString, (character) => character.charCodeAt(0) & 0xff));
}

function hex(character: string): string {
  return `\\x${(character.charCodeAt(0) & 0xff).toString(16).toUpperCase().padStart(2, "0")}`;
}
