// Request data is byte strings: one character a byte, in whatever encoding the visitor chose. This makes text of it.

/** The bytes of a byte string read as UTF-8; what is none becomes U+FFFD. */
export function textOf(byteString: string): string {
  if (isAscii(byteString)) return byteString;
  return new TextDecoder().decode(Uint8Array.from(byteString, (character) => character.charCodeAt(0) & 0xff));
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return false;
  return true;
}

/** Control characters as dots: a request must not forge lines. */
export function oneLine(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it is about
  return text.replace(/[\u0000-\u001f\u007f]/g, ".");
}
