// Bytes as text that can be copied, and read again by whoever reads hexdump -C.

const LINE = 16;

export function hexOf(byte: number): string {
  return byte.toString(16).padStart(2, "0");
}

/** Printable ASCII as it is, a dot for the rest. */
export function characterOf(byte: number): string {
  return byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : "·";
}

/** In lines of 16 bytes, with offsets and characters. */
export function hexDump(bytes: Uint8Array): string {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += LINE) {
    const line = [...bytes.subarray(at, at + LINE)];
    const text = line.map((byte) => characterOf(byte).replace("·", ".")).join("");
    const hex = line
      .map(hexOf)
      .join(" ")
      .padEnd(LINE * 3 - 1);
    lines.push(`${at.toString(16).padStart(8, "0")}  ${hex}  |${text}|`);
  }
  return lines.join("\n");
}
