// A mail as PHP has handed it over, ready for a mail server: who sends, who receives, and the bytes.

/** One mail. It can be sent to a thread or over a wire as it is. */
export interface Mail {
  /** The envelope's sender, who gets the bounces; "" for none. */
  readonly from: string;
  /** The envelope's recipients: at least one, each once. */
  readonly to: readonly string[];
  /** The first address in the From header; the envelope's sender where the mail has none of its own. */
  readonly author: string;
  /** Header and body as RFC 5322 has them: lines end in CRLF, Bcc is gone, From, Date and Message-ID are there. */
  readonly raw: Uint8Array;
}

/** Takes a mail. Settles when it is accepted; rejects, with a `MailError` or any error, when it is not. */
export type SendMail = (mail: Mail) => Promise<void>;

/** What is allowed. */
export interface MailLimits {
  /** Bytes of one mail. Default 25 MiB, as much as most mail servers take. */
  readonly size: number;
  /** Recipients of one mail. Default 100, which every mail server must take (RFC 5321, section 4.5.3.1.8). */
  readonly recipients: number;
  /** Mails of one request. Default 100. */
  readonly perRequest: number;
}

export const MAIL_LIMITS: MailLimits = { size: 25 * 1024 * 1024, recipients: 100, perRequest: 100 };
