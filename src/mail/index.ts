// Mails of PHP's mail(): what PHP hands to "sendmail" in, a mail for a server out. Pure: the ways out are platforms'.

export { readSendmailCommand, type SendmailCall } from "./command.ts";
export { type ComposeOptions, composeMail } from "./compose.ts";
export { MailError, type MailErrorCode } from "./errors.ts";
export { MAIL_LIMITS, type Mail, type MailLimits, type SendMail } from "./mail.ts";
