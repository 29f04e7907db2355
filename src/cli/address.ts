// FastCGI addresses on the command line.

import { type Address, parseAddress } from "../transport/address.ts";
import { CliError, messageOf } from "./failure.ts";

/** @throws {CliError} exit code 2, naming the forms that are known */
export function addressOption(text: string): Address {
  try {
    return parseAddress(text);
  } catch (error) {
    throw new CliError(messageOf(error), { exitCode: 2, cause: error });
  }
}
