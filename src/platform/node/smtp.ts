// Mails of scripts to a mail server, by SMTP: a connection for each mail, as many at a time as children send, and every
// wait ends.

import { createTransport } from "nodemailer";
import SmtpConnection from "nodemailer/lib/smtp-connection";
import { MailError, type SendMail } from "../../mail/index.ts";

/** Where mails go. */
export interface SmtpOptions {
  /**
   * `smtp://user:password@host:port`, or `smtps://` for TLS from the first byte. Over `smtp://` TLS is begun when the
   * server offers it; `?requireTLS=true` insists. Port 587, or 465 with TLS, unless said.
   */
  readonly url: string;
  /** Milliseconds until the server must have answered. Default 10,000. A mail as a whole may take six times as long. */
  readonly timeout?: number;
}

const SCHEMES = new Set(["smtp:", "smtps:"]);

/**
 * Makes what sends mails; nothing is connected before the first one. It rejects with `MAIL_REFUSED`.
 *
 * @throws {TypeError} when the URL is none of SMTP; the message does not show its password
 */
export function smtpMailer(options: SmtpOptions): SendMail {
  const url = smtpUrl(options.url);
  const timeout = options.timeout ?? 10_000;
  const transport = createTransport({
    url: url.href,
    // Long enough for the server to check what it was given, and no longer.
    connectionTimeout: timeout,
    greetingTimeout: timeout,
    dnsTimeout: timeout,
    socketTimeout: timeout * 3,
  });
  return async ({ from, to, raw }) => {
    let refused: readonly string[];
    // A server that answers a byte at a time is never silent: the whole has an end too.
    const signal = AbortSignal.timeout(timeout * 6);
    try {
      const international = [from, ...to].filter((address) => /\P{ASCII}/u.test(address));
      if (international.length > 0 && !(await offersUtf8(transport.options, signal))) {
        throw new Error(`it does not offer SMTPUTF8, without which there is no mail for ${international.join(", ")}`);
      }
      // A server that takes some of the recipients has taken the mail: the others are only listed.
      const mail = { envelope: { from, to: [...to] }, raw: Buffer.from(raw), signal };
      refused = (await transport.sendMail(mail)).rejected.map(String);
    } catch (error) {
      const { message, rejected } = error as { message?: string; rejected?: readonly string[] };
      const whom = rejected === undefined || rejected.length === 0 ? "" : ` (${rejected.join(", ")})`;
      throw new MailError("MAIL_REFUSED", `${url.host}: ${message ?? String(error)}${whom}`, { cause: error });
    }
    if (refused.length > 0) {
      const others = to.filter((one) => !refused.includes(one));
      const sent = `already sent to ${others.join(", ")}`;
      throw new MailError("MAIL_REFUSED", `${url.host} did not take the mail to ${refused.join(", ")}; ${sent}`);
    }
  };
}

/** Whether the server takes addresses that are not ASCII (RFC 6531). What sends the mails would not tell. */
function offersUtf8(options: SmtpConnection.Options, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const connection = new SmtpConnection(options);
    signal.addEventListener("abort", () => {
      connection.close();
      reject(signal.reason);
    });
    connection.on("error", reject);
    connection.connect((error) => {
      if (error !== undefined) return reject(error);
      // The answer to EHLO, the one within TLS when there is TLS.
      resolve(/^250[ -]SMTPUTF8\b/im.test(String(connection.lastServerResponse)));
      connection.quit();
    });
  });
}

/** @throws {TypeError} */
export function smtpUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && SCHEMES.has(url.protocol) && url.hostname !== "") return url;
  // A password that was not escaped may have any character.
  const shown = text.replace(/^([a-z+.-]*:?\/*).*@/is, "$1***@");
  throw new TypeError(`${shown} is no mail server: smtp://user:password@host:port or smtps://... is`);
}
