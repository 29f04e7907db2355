// A mail as somebody reads it: its subject, and the part of its body that is text. As little of MIME as that takes.

export interface ReadMail {
  readonly subject: string;
  readonly from: string;
  readonly to: string;
  readonly date: string;
  /** The first part that is plain text; of a mail that has none, its HTML. */
  readonly body: { readonly type: "text" | "html"; readonly text: string } | undefined;
  /** Names of the other parts that have one. */
  readonly attachments: readonly string[];
}

/** Parts within parts that are looked at. */
const DEEPEST = 8;

/** Header and body, as bytes in a string. */
interface Part {
  readonly fields: ReadonlyMap<string, string>;
  readonly body: string;
}

export function readMail(raw: Uint8Array): ReadMail {
  const whole = partOf(new TextDecoder("latin1").decode(raw));
  const leaves = leavesOf(whole, DEEPEST);
  const shown = leaves.find((part) => typeOf(part) === "text/plain" && nameOf(part) === undefined);
  const html = leaves.find((part) => typeOf(part) === "text/html" && nameOf(part) === undefined);
  const part = shown ?? html;
  const field = (name: string) => decodeWords(whole.fields.get(name) ?? "");
  return {
    subject: field("subject"),
    from: field("from"),
    to: field("to"),
    date: field("date"),
    body: part && { type: part === shown ? "text" : "html", text: contentOf(part) },
    attachments: leaves.map(nameOf).filter((name) => name !== undefined),
  };
}

function partOf(text: string): Part {
  const end = /\r?\n\r?\n|^\r?\n/.exec(text);
  const head = end === null ? text : text.slice(0, end.index);
  const fields = new Map<string, string>();
  for (const line of head.replace(/\r?\n[ \t]+/g, " ").split(/\r?\n/)) {
    const [, name, value = ""] = /^([^:]+):[ \t]*(.*)$/.exec(line) ?? [];
    const known = name?.toLowerCase();
    if (known !== undefined && !fields.has(known)) fields.set(known, value);
  }
  return { fields, body: end === null ? "" : text.slice(end.index + end[0].length) };
}

function leavesOf(part: Part, depth: number): Part[] {
  const boundary = parameter(part, "content-type", "boundary");
  if (!typeOf(part).startsWith("multipart/") || boundary === undefined || depth === 0) return [part];
  // Before the first delimiter and after the last one is nothing for readers of MIME.
  const [inner = ""] = `\n${part.body}`.split(`\n--${boundary}--`);
  const pieces = inner.split(`\n--${boundary}`).slice(1);
  return pieces.flatMap((piece) => leavesOf(partOf(piece.replace(/^[ \t]*\r?\n/, "").replace(/\r$/, "")), depth - 1));
}

function typeOf({ fields }: Part): string {
  return (fields.get("content-type") ?? "text/plain").split(";", 1)[0]?.trim().toLowerCase() ?? "";
}

function nameOf(part: Part): string | undefined {
  const name = parameter(part, "content-disposition", "filename") ?? parameter(part, "content-type", "name");
  return name === undefined ? undefined : decodeWords(name);
}

function parameter({ fields }: Part, field: string, name: string): string | undefined {
  const [, quoted, bare] = new RegExp(`;\\s*${name}=(?:"([^"]*)"|([^;\\s]+))`, "i").exec(fields.get(field) ?? "") ?? [];
  return quoted ?? bare;
}

function contentOf(part: Part): string {
  const charset = parameter(part, "content-type", "charset") ?? "utf-8";
  switch (part.fields.get("content-transfer-encoding")?.trim().toLowerCase()) {
    case "base64":
      return decodeText(fromBase64(part.body), charset);
    case "quoted-printable":
      return decodeText(
        fromQuotedPrintable(part.body.replace(/[ \t]+(?=\r?\n|$)/g, "").replace(/=\r?\n/g, "")),
        charset,
      );
    default:
      return decodeText(part.body, charset);
  }
}

/** Words such as "=?utf-8?B?w6Q=?=" (RFC 2047); between two of them is no space. */
function decodeWords(text: string): string {
  const joined = text.replace(/(=\?[^?\s]+\?[bq]\?[^?\s]*\?=)\s+(?==\?[^?\s]+\?[bq]\?[^?\s]*\?=)/gi, "$1");
  const decoded = joined.replace(/=\?([^?\s]+)\?([bq])\?([^?\s]*)\?=/gi, (_word, charset, how, content) =>
    encodeUtf8(
      decodeText(
        how.toLowerCase() === "b" ? fromBase64(content) : fromQuotedPrintable(content.replace(/_/g, " ")),
        charset,
      ),
    ),
  );
  // What was not encoded is UTF-8 in the mails of today.
  return decodeText(decoded, "utf-8");
}

function fromBase64(text: string): string {
  try {
    return atob(text.replace(/[^A-Za-z0-9+/]/g, ""));
  } catch {
    return text;
  }
}

function fromQuotedPrintable(text: string): string {
  return text.replace(/=([0-9A-F]{2})/gi, (_all, digits) => String.fromCharCode(Number.parseInt(digits, 16)));
}

function decodeText(bytes: string, charset: string): string {
  const array = Uint8Array.from(bytes, (character) => character.charCodeAt(0));
  try {
    return new TextDecoder(charset).decode(array);
  } catch {
    return new TextDecoder("latin1").decode(array);
  }
}

function encodeUtf8(text: string): string {
  return Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join("");
}
