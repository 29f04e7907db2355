// A version of PHP that is not installed: on a terminal it can be installed on the spot, elsewhere the error says how.

import { spawn } from "node:child_process";
import { createInterface } from "node:readline/promises";
import {
  choosePhpVersion,
  PHP_PACKAGE_RELEASE,
  PHP_VERSIONS,
  type PhpVersion,
  phpInstallCommand,
  phpPackage,
} from "../platform/node/php-versions.ts";
import { CliError, codeOf, messageOf } from "./failure.ts";
import { note } from "./terminal.ts";

/** Runs `start` with the version that serves for `wanted`, installed first if the person at the terminal agrees. */
export async function offerPhp<T>(wanted: string | undefined, start: (php: PhpVersion) => Promise<T>): Promise<T> {
  try {
    return await start(choosePhpVersion(wanted));
  } catch (error) {
    if (codeOf(error) === "PHP_UNKNOWN_VERSION") throw new CliError(messageOf(error), { exitCode: 2, cause: error });
    if (codeOf(error) !== "PHP_NOT_INSTALLED") throw error;
    const version = PHP_VERSIONS.find((known) => known === (wanted ?? "8.4"));
    if (version === undefined || !(await agreed(version))) throw new CliError(messageOf(error), { cause: error });
    await install(version);
    return start(choosePhpVersion(version));
  }
}

async function agreed(version: PhpVersion): Promise<boolean> {
  if (process.stdin.isTTY !== true || process.stderr.isTTY !== true) return false;
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await terminal.question(
      `PHP ${version} is not installed. Run "${phpInstallCommand(version)}" now (about 70 MB)? [Y/n] `,
    );
    return /^(y|yes|)$/i.test(answer.trim());
  } finally {
    terminal.close();
  }
}

function install(version: PhpVersion): Promise<void> {
  const name = `${phpPackage(version)}@${PHP_PACKAGE_RELEASE}`;
  return new Promise((resolve, reject) => {
    const npm = spawn("npm", ["install", "--no-audit", "--no-fund", name], { stdio: ["ignore", 2, 2] });
    npm.once("error", (error) => reject(new CliError(`npm could not be started: ${error.message}`, { cause: error })));
    npm.once("exit", (code) => {
      if (code === 0) resolve();
      else reject(new CliError(`npm could not install ${name} (status ${code}).`));
    });
    note(`Installing ${name} ...`);
  });
}
