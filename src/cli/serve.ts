// `edge-fpm serve`: an HTTP server in front of a pool of our own, or of a FastCGI application elsewhere.

import { networkInterfaces } from "node:os";
import { createGateway, type GatewayOptions, type RequestName } from "../gateway/index.ts";
import { nodeFiles } from "../platform/node/files.ts";
import { createHttpServer, createNodeResponse } from "../platform/node/http-server.ts";
import { nodeSpool } from "../platform/node/spool.ts";
import { connectExchange } from "../transport/connect-exchange.ts";
import type { Exchange } from "../transport/exchange.ts";
import { connectAddress } from "../transport/node/connect.ts";
import { addressOption } from "./address.ts";
import type { Arguments, Command } from "./command.ts";
import { CliError, listenFailure, messageOf } from "./failure.ts";
import { existingDirectory, poolOptions, startPool } from "./pool.ts";
import { untilStopped } from "./shutdown.ts";
import { bold, cyan, note } from "./terminal.ts";

/** How long requests under way may take after Ctrl-C, in milliseconds. */
const GRACE = 10_000;

export const serve: Command = {
  name: "serve",
  usage: "[dir] [options]",
  summary: "Serve a folder of PHP and static files over HTTP",
  options: {
    port: { type: "string", short: "p", value: "<n>", help: "port (8080); 0 takes any free one" },
    host: { type: "string", value: "<address>", help: "address to listen on (127.0.0.1)" },
    front: {
      type: "string",
      value: "</script.php>",
      help: "front controller: runs for every path that does not exist, e.g. /index.php",
    },
    upstream: {
      type: "string",
      value: "<address>",
      help: "no pool of our own but a FastCGI application there:\ntcp://host:port or unix:/path",
    },
    "keep-connections": {
      type: "string",
      value: "<n>",
      help: "idle connections kept to the upstream, fewer than its children (0)",
    },
    ...poolOptions,
  },
  examples: [
    "edge-fpm serve                                     # this folder on http://127.0.0.1:8080",
    "edge-fpm serve public --front /index.php --php 8.2 --children 4",
    "edge-fpm serve /var/www --upstream unix:/run/php/php8.2-fpm.sock",
  ],
  run,
};

interface Application {
  readonly exchange: Exchange;
  /** For the start-up line. */
  readonly name: string;
  finish(): Promise<void>;
  terminate(): Promise<void>;
}

async function run(args: Arguments): Promise<number> {
  if (args.positionals.length > 1) {
    throw new CliError(`Serves one folder, not ${args.positionals.length}.`, {
      exitCode: 2,
      hint: "See: edge-fpm serve --help",
    });
  }
  const root = existingDirectory(args.positionals[0] ?? ".");
  const port = args.integer("port", 0, 65_535) ?? 8080;
  const host = args.text("host") ?? "127.0.0.1";
  const front = args.text("front");
  if (front !== undefined && !front.startsWith("/")) {
    throw new CliError(`--front ${front} must start with a slash: it is a path below the folder.`, { exitCode: 2 });
  }
  const application = await startApplication(args, root);
  const options: GatewayOptions = {
    documentRoot: root,
    files: nodeFiles(root),
    exchange: application.exchange,
    spool: nodeSpool(),
    createResponse: createNodeResponse,
    onError: (error, request, status) => {
      // What the visitor did wrong is no news; what the application did is.
      if (status >= 500 || args.flag("verbose")) note(`${line(request)} ${status}: ${messageOf(error)}`);
    },
    onStderr: (text, request) => note(`${line(request)} stderr: ${text}`),
    ...(front === undefined ? {} : { frontController: front }),
  };
  const http = createHttpServer({ handler: createGateway(options), onError: (error) => note(messageOf(error)) });
  const bound = await http.listen({ port, host }).catch(async (error: unknown) => {
    await application.terminate();
    throw listenFailure(error, `http://${host}:${port}`);
  });
  const actual = "port" in bound ? bound.port : port;
  process.stdout.write(`${bold(cyan(urlOf(host, actual)))}  serves ${root} with ${application.name}\n`);
  for (const address of reachableAt(host)) process.stdout.write(`${urlOf(address, actual)}\n`);

  return untilStopped(
    async () => {
      await http.close(GRACE);
      await application.finish();
    },
    async () => {
      http.server.closeAllConnections();
      await application.terminate();
    },
  );
}

async function startApplication(args: Arguments, root: string): Promise<Application> {
  const upstream = args.text("upstream");
  if (upstream === undefined) {
    if (args.has("keep-connections")) {
      throw new CliError("--keep-connections is for --upstream only.", { exitCode: 2 });
    }
    const { pool, exchange, php } = await startPool(args, [root]);
    const { pm, maxChildren } = pool.config;
    return {
      exchange,
      name: `PHP ${php} (${maxChildren} ${maxChildren === 1 ? "child" : "children"}, pm = ${pm})`,
      finish: () => pool.finish(),
      terminate: () => pool.terminate(),
    };
  }
  // --verbose is about the server too.
  const useless = Object.keys(poolOptions).filter((name) => name !== "verbose" && args.has(name));
  if (useless.length > 0) {
    const names = useless.map((name) => `--${name}`).join(", ");
    throw new CliError(`${names} and --upstream exclude each other: with it, there is no pool of our own.`, {
      exitCode: 2,
    });
  }
  const maxIdle = args.integer("keep-connections", 0, 1000) ?? 0;
  const connect = connectAddress(addressOption(upstream));
  const exchange = connectExchange(connect, { maxIdle });
  return { exchange, name: upstream, finish: async () => exchange.close(), terminate: async () => exchange.close() };
}

function line(request: RequestName): string {
  return `${request.method} ${request.target}`;
}

function urlOf(host: string, port: number): string {
  return `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/** This machine's own addresses, when it listens on all of them. */
function reachableAt(host: string): readonly string[] {
  if (host !== "0.0.0.0" && host !== "::") return [];
  return Object.values(networkInterfaces()).flatMap((addresses = []) =>
    addresses.filter(({ family }) => family === "IPv4").map(({ address }) => address),
  );
}
