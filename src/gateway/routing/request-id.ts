// `$request_id`: 32 hexadecimal digits of chance, as nginx has it.

/** Drawn at once: asking for chance costs more than the chance. */
const AT_ONCE = 64;
const DIGITS = 32;

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

let drawn = "";
let used = 0;

/** An id that nobody can guess. */
export function requestId(): string {
  if (used === drawn.length) {
    drawn = "";
    used = 0;
    const bytes = crypto.getRandomValues(new Uint8Array((AT_ONCE * DIGITS) / 2));
    for (let at = 0; at < bytes.length; at++) drawn += HEX[bytes[at] as number];
  }
  used += DIGITS;
  return drawn.slice(used - DIGITS, used);
}
