// Errors of mails on their way out. A script sees them as mail() returning false; the reason goes to PHP's error log.

/** Every way a mail can fail, by stable code. Explained in docs/errors.md. */
export type MailErrorCode =
  /** The script's fault: no recipient, no sender, an address that is none, an option that sendmail does not have here. */
  | "MAIL_BAD_MESSAGE"
  /** The mail is too long, has too many recipients, or is one too many of a request. */
  | "MAIL_LIMIT"
  /** Nobody is configured who would take it. */
  | "MAIL_NO_ROUTE"
  /** The mail server, or the platform's binding, did not take it. */
  | "MAIL_REFUSED";

/** A mail that was not accepted. Test `error.code`, not `instanceof`: two copies of the package can meet in one bundle. */
export class MailError extends Error {
  override readonly name = "MailError";
  readonly code: MailErrorCode;

  constructor(code: MailErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
