// What the pool's object answers to a child's mail: plain data, because errors lose their codes between isolates.

import { MailError } from "../../mail/index.ts";

/** What became of a mail, as an answer to a child: nothing when it was taken. */
export interface MailAnswer {
  readonly code?: string;
  readonly problem?: string;
}

/** @throws {MailError} */
export function checkMailAnswer({ code, problem }: MailAnswer): void {
  if (problem !== undefined) throw new MailError(code === "MAIL_NO_ROUTE" ? code : "MAIL_REFUSED", problem);
}
