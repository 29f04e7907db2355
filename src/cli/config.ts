// The configuration file of a command.

import { type ConfigFile, findConfigFile, loadConfigFile } from "../platform/node/config-file.ts";
import { CliError, codeOf, messageOf } from "./failure.ts";

/**
 * The configuration that is asked for, or the folder's.
 *
 * @param given what `--config` says
 * @param says what the command line says that a configuration would say: then the folder's is not read
 * @throws {CliError} exit code 2
 */
export async function loadConfig(
  given: string | undefined,
  folder: string,
  says: readonly string[],
): Promise<ConfigFile | undefined> {
  if (given !== undefined && says.length > 0) {
    throw new CliError(`${says.join(", ")} and --config exclude each other: the configuration says it.`, {
      exitCode: 2,
    });
  }
  const path = given ?? (says.length > 0 ? undefined : findConfigFile(folder));
  if (path === undefined) return undefined;
  try {
    return await loadConfigFile(path);
  } catch (error) {
    const known = ["CONFIG_INVALID", "CONFIG_FILE_UNREADABLE"].includes(codeOf(error) ?? "");
    throw known ? new CliError(messageOf(error), { exitCode: 2, cause: error }) : error;
  }
}
