// Who takes the mails of scripts.

import type { MailLimits, SendMail } from "../mail/index.ts";

/** What mails of scripts need. */
export interface MailService {
  readonly send: SendMail;
  /** Sender where the script names none. */
  readonly from?: string;
  readonly limits?: Partial<MailLimits>;
}
