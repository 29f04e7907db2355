// Where the mails of scripts go: `--smtp` and `--mail-from`, or `mail` of a configuration.

import type { MailConfig } from "../gateway/config/config.ts";
import type { MailService } from "../php/mail-service.ts";
import { smtpMailer, smtpUrl } from "../platform/node/smtp.ts";
import type { Arguments, OptionSpec } from "./command.ts";
import { CliError, messageOf } from "./failure.ts";

export const mailOptions: Readonly<Record<string, OptionSpec>> = {
  smtp: {
    type: "string",
    value: "<url>",
    help: "mail server for mail(): smtp://user:password@host:port or smtps://...",
  },
  "mail-from": { type: "string", value: "<address>", help: "sender of mails that name none" },
};

/**
 * Makes the way out; nothing is connected before the first mail. The command line goes before the configuration.
 *
 * @returns undefined when nobody says where mails go
 * @throws {CliError} exit code 2
 */
export function mailOf(args: Pick<Arguments, "text">, config: MailConfig = {}): MailService | undefined {
  const url = args.text("smtp") ?? config.smtp;
  const from = args.text("mail-from") ?? config.from;
  if (from !== undefined && !/^[^\s<>@]+@[^\s<>@]+$/.test(from)) {
    throw new CliError(`--mail-from ${from} is no address.`, { exitCode: 2 });
  }
  if (url === undefined) {
    if (args.text("mail-from") !== undefined) throw new CliError("--mail-from is for --smtp only.", { exitCode: 2 });
    return undefined;
  }
  try {
    smtpUrl(url);
  } catch (error) {
    throw new CliError(`${messageOf(error)}.`, { exitCode: 2, cause: error });
  }
  const send = smtpMailer({ url });
  const { size, recipients, perRequest } = config.limits ?? {};
  const limits = {
    ...(size !== undefined && { size }),
    ...(recipients !== undefined && { recipients }),
    ...(perRequest !== undefined && { perRequest }),
  };
  return { send, limits, ...(from !== undefined && { from }) };
}
