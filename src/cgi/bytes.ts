// Byte strings: every character is one byte, 0-255, as in the headers of fetch. CGI names and values are bytes.

const utf8Decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** The UTF-8 bytes of `text` as a byte string. Returns `text` itself when it is ASCII. */
export function toByteString(text: string): string {
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) > 0x7f) return latin1(new TextEncoder().encode(text), 0);
  }
  return text;
}

/** Bytes from `start` up to `end` as a byte string: one character a byte. */
export function latin1(bytes: Uint8Array, start: number, end: number = bytes.length): string {
  // ASCII, as nearly always. Beyond it UTF-8 gives fewer characters than bytes, and what is none gives U+FFFD.
  const part = bytes.subarray(start, end);
  const ascii = utf8Decoder.decode(part);
  if (ascii.length === part.length && !ascii.includes("\ufffd")) return ascii;
  // fromCharCode takes its bytes as arguments, and engines bound those: 8 KiB is far below any bound. `apply`, because
  // spreading them costs five times as much.
  let text = "";
  for (let at = 0; at < part.length; at += 8192) {
    text += String.fromCharCode.apply(null, part.subarray(at, at + 8192) as unknown as number[]);
  }
  return text;
}

/** Whether a byte string is well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF). */
export function isUtf8(text: string): boolean {
  let at = 0;
  while (at < text.length) {
    const lead = text.charCodeAt(at++);
    if (lead < 0x80) continue;
    // The second byte is what rules out overlong forms, surrogates and too large numbers.
    let low = 0x80;
    let high = 0xbf;
    let more: number;
    if (lead >= 0xc2 && lead <= 0xdf) more = 1;
    else if (lead >= 0xe0 && lead <= 0xef) {
      more = 2;
      if (lead === 0xe0) low = 0xa0;
      if (lead === 0xed) high = 0x9f;
    } else if (lead >= 0xf0 && lead <= 0xf4) {
      more = 3;
      if (lead === 0xf0) low = 0x90;
      if (lead === 0xf4) high = 0x8f;
    } else return false;
    for (; more > 0; more--) {
      const next = text.charCodeAt(at++);
      if (!(next >= low && next <= high)) return false;
      low = 0x80;
      high = 0xbf;
    }
  }
  return true;
}
