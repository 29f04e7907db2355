// A MariaDB server of its own, in a scratch folder, on a free port of this machine.

import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { findProgram } from "./binaries.ts";
import { peerPath } from "./peer.ts";
import { freePort } from "./ports.ts";
import { Program } from "./program.ts";
import { makeScratch } from "./scratch.ts";

export interface RunningMariadb {
  readonly port: number;
  /** Its Unix socket. */
  readonly socket: string;
  stop(): Promise<void>;
}

/** User and password of an account that may do everything in the database `test`. */
export const MARIADB_LOGIN = { user: "php", password: "pass word" } as const;

export async function startMariadb(): Promise<RunningMariadb> {
  const scratch = makeScratch("mariadb");
  const data = join(scratch.path, "data");
  mkdirSync(data);
  const install = findProgram(["mariadb-install-db"]);
  if (install === undefined) throw new Error("mariadb-install-db is not there, though mariadbd is");
  const user = userInfo().username;
  const made = spawnSync(
    install,
    [
      "--no-defaults",
      `--datadir=${data}`,
      `--user=${user}`,
      "--auth-root-authentication-method=normal",
      "--skip-test-db",
    ],
    { encoding: "utf8", timeout: 60_000 },
  );
  if (made.status !== 0) throw new Error(`mariadb-install-db: ${made.stdout}${made.stderr}`);
  const port = await freePort();
  const socket = join(scratch.path, "s.sock");
  const setup = join(scratch.path, "setup.sql");
  const { user: name, password } = MARIADB_LOGIN;
  writeFileSync(
    setup,
    `CREATE DATABASE test CHARACTER SET utf8mb4;\nCREATE USER '${name}'@'%' IDENTIFIED BY '${password}';\nGRANT ALL ON test.* TO '${name}'@'%';\n`,
  );
  const program = new Program(peerPath("mariadbd"), [
    "--no-defaults",
    `--datadir=${data}`,
    `--user=${user}`,
    `--port=${port}`,
    "--bind-address=127.0.0.1",
    `--socket=${socket}`,
    `--pid-file=${join(scratch.path, "pid")}`,
    `--init-file=${setup}`,
    "--innodb-buffer-pool-size=16M",
    "--innodb-log-file-size=48M",
    "--innodb-flush-log-at-trx-commit=0",
    "--max-allowed-packet=64M",
    "--performance-schema=OFF",
    "--skip-name-resolve",
  ]);
  await program.waitFor(/ready for connections/, 60_000);
  return {
    port,
    socket,
    async stop() {
      await program.stop("SIGTERM");
      scratch.remove();
    },
  };
}
