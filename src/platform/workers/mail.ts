// Mails of scripts at the edge: a `send_email` binding of the platform takes them.

import { EmailMessage } from "cloudflare:email";
import type { Mail } from "../../mail/index.ts";
import type { MailAnswer } from "./mail-answer.ts";

/** A `send_email` binding. */
export interface EmailBinding {
  send(message: EmailMessage): Promise<unknown>;
}

/**
 * Sends a mail, to each recipient by itself: the platform takes one at a time. It also wants the envelope's sender to be the
 * one in the From header, so that `-f` counts for nothing here.
 */
export async function sendByBinding(binding: EmailBinding | undefined, mail: Mail): Promise<MailAnswer> {
  if (binding === undefined) return { code: "MAIL_NO_ROUTE", problem: "there is no send_email binding named MAIL" };
  const sent: string[] = [];
  for (const to of mail.to) {
    try {
      await binding.send(new EmailMessage(mail.author, to, bytesOf(mail.raw)));
      sent.push(to);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      const others = sent.length === 0 ? "" : `; already sent to ${sent.join(", ")}`;
      return { code: "MAIL_REFUSED", problem: `the binding MAIL did not take the mail to ${to}: ${message}${others}` };
    }
  }
  return {};
}

function bytesOf(raw: Uint8Array): ReadableStream<Uint8Array> {
  return new Response(raw.slice()).body as ReadableStream<Uint8Array>;
}
