// `edge-fpm fpm`: a FastCGI application on TCP and Unix sockets, for nginx, Apache, Caddy and whatever else speaks it.

import { serveConnection } from "../dispatch/listener.ts";
import { formatAddress } from "../transport/address.ts";
import { listen, type NodeListener } from "../transport/node/listen.ts";
import { addressOption } from "./address.ts";
import type { Arguments, Command } from "./command.ts";
import { CliError, listenFailure, messageOf } from "./failure.ts";
import { runConfig } from "./fpm-file.ts";
import { printInfo } from "./fpm-info.ts";
import { fpmOptions, fromFile } from "./fpm-options.ts";
import { scriptsBelow } from "./fpm-warm-up.ts";
import { existingDirectory, startPool } from "./pool.ts";
import { untilStopped } from "./shutdown.ts";
import { obeyReloads } from "./signals.ts";
import { bold, cyan, note } from "./terminal.ts";
import { warmUpOf } from "./warm-up.ts";

export const fpm: Command = {
  name: "fpm",
  usage: "[--listen <address> | -y <php-fpm.conf>] [options]",
  summary: "Be a FastCGI application for nginx or Apache, as php-fpm is",
  options: fpmOptions,
  examples: [
    "edge-fpm fpm -y /etc/php/8.2/fpm/php-fpm.conf -F     # every pool of an unmodified configuration",
    "edge-fpm fpm -y php-fpm.conf -t                      # is it in order?",
    "edge-fpm fpm --listen 127.0.0.1:9000 --root /var/www --children 4",
    "edge-fpm fpm --listen /run/edge-fpm.sock --listen-mode 0660 --php 8.2",
    "edge-fpm request 127.0.0.1:9000 /var/www/index.php   # try it without a web server",
  ],
  run,
};

async function run(args: Arguments): Promise<number> {
  if (args.positionals.length > 0) {
    throw new CliError(`What is "${args.positionals.join(" ")}"?`, { exitCode: 2, hint: "See: edge-fpm fpm --help" });
  }
  if (await printInfo(args)) return 0;
  return fromFile(args) ? runConfig(args) : runSinglePool(args);
}

async function runSinglePool(args: Arguments): Promise<number> {
  const listens = args.list("listen");
  const addresses = (listens.length === 0 ? ["127.0.0.1:9000"] : listens).map(addressOption);
  const mode = modeOf(args.text("listen-mode"));
  const root = existingDirectory(args.text("root") ?? ".");
  warmUpOf(args);
  const { pool, exchange, php } = await startPool(args, [root], { gateway: scriptsBelow(root) });

  const connections = new Set<ReturnType<typeof serveConnection>>();
  const listeners: NodeListener[] = [];
  for (const address of addresses) {
    try {
      const listener = await listen(
        address,
        (transport) => {
          const connection = serveConnection(transport, exchange, {
            onError: (error) => {
              if (args.flag("verbose")) note(`FastCGI: ${messageOf(error)}`);
            },
          });
          connections.add(connection);
          void connection.closed.then(() => connections.delete(connection));
        },
        mode === undefined ? {} : { mode },
      );
      listeners.push(listener);
      const { pm, maxChildren } = pool.config;
      const name = `PHP ${php} (${maxChildren} ${maxChildren === 1 ? "child" : "children"}, pm = ${pm})`;
      process.stdout.write(`${bold(cyan(formatAddress(listener.address)))}  speaks FastCGI with ${name}\n`);
    } catch (error) {
      for (const listener of listeners) await listener.close();
      await pool.terminate();
      throw listenFailure(error, formatAddress(address));
    }
  }

  const leave = obeyReloads({
    reload: () => reloadPool(pool),
    reopenLogs: async () => note("There is no log file to open again: everything is said here."),
  });
  return untilStopped(
    async () => {
      for (const listener of listeners) await listener.close();
      for (const connection of connections) connection.drain();
      await pool.finish();
      await Promise.all([...connections].map((connection) => connection.closed));
    },
    async () => {
      for (const connection of connections) connection.reset();
      await pool.terminate();
    },
  ).finally(leave);
}

/** SIGUSR2: new children take over. */
async function reloadPool(pool: { reload(): Promise<void> }): Promise<void> {
  note("Reloading: new children take over ...");
  try {
    await pool.reload();
    note("Reloaded.");
  } catch (error) {
    note(`Not reloaded: ${messageOf(error)}`);
  }
}

function modeOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^0?[0-7]{3}$/.test(text)) {
    throw new CliError(`--listen-mode ${text} is not an octal mode such as 0660.`, { exitCode: 2 });
  }
  return Number.parseInt(text, 8);
}
