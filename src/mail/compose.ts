// What PHP wrote to sendmail's standard input, as a mail that a mail server takes. What a sendmail program does with it is
// done here: recipients from the header, Bcc taken out, From, Date and Message-ID added, lines ended by CRLF.

import parseAddresses from "nodemailer/lib/addressparser";
import type { SendmailCall } from "./command.ts";
import { MailError } from "./errors.ts";
import { MAIL_LIMITS, type Mail, type MailLimits } from "./mail.ts";

/** What the mail does not say itself. */
export interface ComposeOptions {
  /** Sender where the script names none: of the envelope, and in the header. */
  readonly from?: string;
  readonly limits?: Partial<MailLimits>;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Unlike any other: the left side of the Message-ID. */
  readonly id: string;
}

const CR = 13;
const LF = 10;

/**
 * @param bytes header and body, lines ended in any way
 * @throws {MailError} `MAIL_BAD_MESSAGE`, `MAIL_LIMIT`
 */
export function composeMail(call: SendmailCall, bytes: Uint8Array, options: ComposeOptions): Mail {
  const limits = { ...MAIL_LIMITS, ...options.limits };
  if (call.unknown !== undefined) {
    throw new MailError("MAIL_BAD_MESSAGE", `sendmail ${call.unknown} is not known here: -t, -i and -f are`);
  }
  if (bytes.length > limits.size) {
    throw new MailError("MAIL_LIMIT", `a mail of ${bytes.length} bytes exceeds the limit of ${limits.size} bytes`);
  }
  const whole = withCrlf(bytes);
  const { fields, body } = splitHeader(whole);
  const named = (name: string) => fields.filter((field) => field.name === name);
  const addresses = (name: string) => named(name).flatMap(({ value }) => addressesOf(value));

  const to = new Set(call.recipients.map(mailbox));
  if (call.fromHeader) for (const name of ["to", "cc", "bcc"]) for (const one of addresses(name)) to.add(one);
  if (to.size === 0) throw new MailError("MAIL_BAD_MESSAGE", "the mail has no recipient in To, Cc or Bcc");
  if (to.size > limits.recipients) {
    throw new MailError("MAIL_LIMIT", `${to.size} recipients exceed the limit of ${limits.recipients}`);
  }
  const [written] = addresses("from");
  const sender = call.from ?? options.from ?? written;
  if (sender === undefined) {
    throw new MailError(
      "MAIL_BAD_MESSAGE",
      "the mail has no sender: a From header, -f, or mail.from of the configuration",
    );
  }
  const from = sender === "" ? "" : mailbox(sender);

  let added = "";
  if (written === undefined && from !== "") added += `From: ${from}\r\n`;
  if (named("date").length === 0) added += `Date: ${new Date(options.now).toUTCString().replace("GMT", "+0000")}\r\n`;
  if (named("message-id").length === 0) {
    const domain = (from === "" ? written : from)?.split("@").at(-1) ?? "localhost";
    added += `Message-ID: <${options.id}@${domain}>\r\n`;
  }
  const kept = fields.filter(({ name }) => name !== "bcc").map(({ start, end }) => whole.subarray(start, end));
  return {
    from,
    author: written ?? from,
    to: [...to],
    raw: concat([encode(added), ...kept, encode("\r\n"), whole.subarray(body)]),
  };
}

/** All line ends as CRLF: also those of a lone CR, which another server could read as a line's end. */
function withCrlf(bytes: Uint8Array): Uint8Array {
  let breaks = 0;
  for (const byte of bytes) if (byte === CR || byte === LF) breaks++;
  const out = new Uint8Array(bytes.length + breaks + 2);
  let at = 0;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] ?? 0;
    if (byte !== CR && byte !== LF) {
      out[at++] = byte;
      continue;
    }
    if (byte === CR && bytes[i + 1] === LF) i++;
    out[at++] = CR;
    out[at++] = LF;
  }
  if (at > 0 && out[at - 1] !== LF) {
    out[at++] = CR;
    out[at++] = LF;
  }
  return out.subarray(0, at);
}

interface Field {
  /** Lower case. */
  readonly name: string;
  /** Unfolded. */
  readonly value: string;
  readonly start: number;
  /** Behind its last line's end. */
  readonly end: number;
}

/** The header's fields, and where the body begins. A line that is no field begins the body. */
function splitHeader(bytes: Uint8Array): { readonly fields: readonly Field[]; readonly body: number } {
  const fields: Field[] = [];
  let at = 0;
  while (at < bytes.length) {
    let end = lineEnd(bytes, at);
    if (end === at + 2) return { fields, body: end };
    const first = decode(bytes.subarray(at, end));
    const match = /^([!-9;-~]+)[ \t]*:([\s\S]*)/.exec(first);
    if (match === null) return { fields, body: at };
    let value = match[2] ?? "";
    while (bytes[end] === 32 || bytes[end] === 9) {
      const next = lineEnd(bytes, end);
      value += decode(bytes.subarray(end, next));
      end = next;
    }
    fields.push({ name: (match[1] ?? "").toLowerCase(), value: value.replaceAll("\r\n", "").trim(), start: at, end });
    at = end;
  }
  return { fields, body: at };
}

function lineEnd(bytes: Uint8Array, start: number): number {
  const found = bytes.indexOf(LF, start);
  return found < 0 ? bytes.length : found + 1;
}

function addressesOf(value: string): string[] {
  return parseAddresses(value).flatMap((one) => {
    if (one.group === undefined) return [mailbox(one.address || one.name || "")];
    // "a@example.org Bcc: b@example.org", of a script that let a visitor write a line's end, is no group.
    if (one.name.includes("@")) return [mailbox(one.name)];
    return one.group.map(({ address }) => mailbox(address ?? ""));
  });
}

/**
 * An address as it goes into an envelope: of one whose domain alone is not ASCII, the domain as every server knows it
 * (RFC 5890).
 */
function mailbox(address: string): string {
  // One that could end a command of SMTP, or begin another, is none.
  if (address.length > 254 || !/^[^\s<>\p{Cc}]+@[^\s<>@\p{Cc}]+$/u.test(address)) throw noMailbox(address);
  const [, local = "", domain = ""] = /^(\p{ASCII}+@)([^@]*\P{ASCII}[^@]*)$/u.exec(address) ?? [];
  if (domain === "") return address;
  const url = `http://${domain}`;
  if (/[/:?#\\%[\]]/.test(domain) || !URL.canParse(url)) throw noMailbox(address);
  return local + new URL(url).hostname;
}

function noMailbox(address: string): MailError {
  return new MailError("MAIL_BAD_MESSAGE", `not an address of a mailbox: ${JSON.stringify(address.slice(0, 100))}`);
}

function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((size, { length }) => size + length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
