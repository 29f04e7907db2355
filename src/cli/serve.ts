// `edge-fpm serve`: an HTTP server in front of a pool of our own, or of a FastCGI application elsewhere.

import { existsSync, realpathSync as realPath } from "node:fs";
import { networkInterfaces } from "node:os";
import { resolve } from "node:path";
import { createFolderGateway, type Gateway, type GatewayOptions, type RequestName } from "../gateway/index.ts";
import { CONFIG_FILES, type ConfigFile } from "../platform/node/config-file.ts";
import { nodeFiles } from "../platform/node/files.ts";
import {
  createHttpServer,
  createNodeResponse,
  type HttpServer,
  type ListenAddress,
  type RefusedRequest,
} from "../platform/node/http-server.ts";
import { announceMaster, type MasterName, type RunJob } from "../platform/node/master-socket.ts";
import { nodeSpool } from "../platform/node/spool.ts";
import { connectExchange } from "../transport/connect-exchange.ts";
import type { Exchange } from "../transport/exchange.ts";
import { connectAddress } from "../transport/node/connect.ts";
import { removeStale } from "../transport/node/listen.ts";
import { addressOption } from "./address.ts";
import type { Arguments, Command } from "./command.ts";
import { loadConfig } from "./config.ts";
import { CliError, listenFailure, messageOf } from "./failure.ts";
import { checkPool, existingDirectory, poolOptions, startPool } from "./pool.ts";
import { planServer, startServer } from "./serve-config.ts";
import { untilStopped } from "./shutdown.ts";
import { bold, cyan, note } from "./terminal.ts";
import { warmUpOf, warmUpOptions } from "./warm-up.ts";

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
    config: {
      type: "string",
      value: "<file>",
      help: "sites, locations, applications: see docs/configuration.md\n(./edge-fpm.config.ts or .js, when it is there)",
    },
    "test-config": { type: "boolean", help: "check the configuration and end" },
    ...poolOptions,
    ...warmUpOptions,
  },
  examples: [
    "edge-fpm serve                                     # this folder on http://127.0.0.1:8080",
    "edge-fpm serve public --front /index.php --php 8.2 --children 4",
    "edge-fpm serve /var/www --upstream unix:/run/php/php8.2-fpm.sock",
    "edge-fpm serve --config edge-fpm.config.ts --test-config",
  ],
  run,
};

/** What a configuration says itself. */
const NOT_WITH_CONFIG = ["front", "upstream", "keep-connections"];

interface Application {
  readonly exchange: Exchange;
  /** For the start-up line. */
  readonly name: string;
  finish(): Promise<void>;
  terminate(): Promise<void>;
}

/** What answers requests once it is there, and how it ends. */
interface Served {
  readonly handler: Gateway;
  /** For the start-up line. */
  readonly name: string;
  readonly refused?: (refusal: RefusedRequest) => void;
  readonly runJob?: RunJob;
  finish(): Promise<void>;
  terminate(): Promise<void>;
}

/** Everything checked, nothing started. */
interface Plan {
  readonly address: ListenAddress;
  /** For the start-up line: what is served. */
  readonly what: string;
  /** By what other commands find it, when scripts run in this process. */
  readonly master?: MasterName;
  start(): Promise<Served>;
}

async function run(args: Arguments): Promise<number> {
  if (args.positionals.length > 1) {
    throw new CliError(`Serves one folder, not ${args.positionals.length}.`, {
      exitCode: 2,
      hint: "See: edge-fpm serve --help",
    });
  }
  const says = [...NOT_WITH_CONFIG.filter((name) => args.has(name)).map((name) => `--${name}`), ...args.positionals];
  const file = await loadConfig(args.text("config"), ".", says);
  const plan = file === undefined ? planFolder(args) : planConfig(args, file);
  if (args.flag("test-config")) {
    if (file === undefined) {
      throw new CliError("There is no configuration to test.", {
        exitCode: 2,
        hint: `Looked for: ${CONFIG_FILES.join(", ")}`,
      });
    }
    process.stdout.write(`${file.path} is good.\n`);
    return 0;
  }

  // A port that is taken is noticed before PHP is compiled. Visitors who come early wait.
  const served = Promise.withResolvers<Served>();
  served.promise.catch(() => {});
  let handler: Gateway = async (request, info) => (await served.promise).handler(request, info);
  const http = createHttpServer({
    handler: (request, info) => handler(request, info),
    onError: (error) => note(messageOf(error)),
    onRefuse: (refusal) =>
      void served.promise.then(
        (it) => it.refused?.(refusal),
        () => {},
      ),
  });
  const bound = await bind(http, plan.address).catch((error: unknown) => {
    throw listenFailure(error, urlOf(plan.address));
  });
  let application: Served;
  try {
    application = await plan.start();
  } catch (error) {
    served.reject(error);
    await http.close(0);
    throw error;
  }
  served.resolve(application);
  const leave = plan.master && (await announced(plan.master, application.runJob));
  // Nobody waits for a promise any more, not even a moment.
  handler = application.handler;
  const actual = "port" in bound && "port" in plan.address ? { ...plan.address, port: bound.port } : plan.address;
  process.stdout.write(`${bold(cyan(urlOf(actual)))}  serves ${plan.what} with ${application.name}\n`);
  for (const host of reachableAt(actual)) process.stdout.write(`${urlOf({ ...actual, host } as ListenAddress)}\n`);

  return untilStopped(
    async () => {
      leave?.();
      await http.close(GRACE);
      await application.finish();
    },
    async () => {
      http.server.closeAllConnections();
      await application.terminate();
    },
  );
}

/** Lets `edge-fpm php` and `cron run` find the server. Without that it serves all the same. */
async function announced(master: MasterName, runJob: RunJob | undefined): Promise<(() => void) | undefined> {
  try {
    return await announceMaster(master, runJob);
  } catch (error) {
    note(`edge-fpm php and edge-fpm cron run will share no locks with this server: ${messageOf(error)}`);
    return undefined;
  }
}

async function bind(http: HttpServer, address: ListenAddress): Promise<ListenAddress> {
  if ("path" in address && existsSync(address.path)) await removeStale(address.path);
  return http.listen(address);
}

function planConfig(args: Arguments, file: ConfigFile): Plan {
  const plan = planServer(args, file);
  const { listen = {} } = file.config;
  const path = args.has("port") || args.has("host") ? undefined : listen.path;
  return {
    address: path !== undefined ? { path: resolve(file.folder, path) } : addressOf(args, listen),
    what: file.path,
    ...(Object.keys(plan.pools).length > 0 && {
      master: { pid: process.pid, roots: plan.roots.map((root) => realPath(root)), config: realPath(file.path) },
    }),
    async start() {
      const server = await startServer(args, plan);
      return {
        ...server,
        handler(request, info) {
          server.begin();
          return server.gateway.handle(request, info);
        },
      };
    },
  };
}

function addressOf(args: Arguments, otherwise: { readonly host?: string; readonly port?: number } = {}) {
  return {
    port: args.integer("port", 0, 65_535) ?? otherwise.port ?? 8080,
    host: args.text("host") ?? otherwise.host ?? "127.0.0.1",
  };
}

function planFolder(args: Arguments): Plan {
  const root = existingDirectory(args.positionals[0] ?? ".");
  const address = addressOf(args);
  const front = args.text("front");
  if (front !== undefined && !front.startsWith("/")) {
    throw new CliError(`--front ${front} must start with a slash: it is a path below the folder.`, { exitCode: 2 });
  }
  const gateway = (exchange: Exchange) => createFolderGateway(folderOptions(args, root, front, exchange));
  const start = planApplication(args, root, gateway);
  return {
    address,
    what: root,
    ...(!args.has("upstream") && { master: { pid: process.pid, roots: [realPath(root)] } }),
    async start() {
      const { exchange, ...rest } = await start();
      return { ...rest, handler: gateway(exchange) };
    },
  };
}

function folderOptions(args: Arguments, root: string, front: string | undefined, exchange: Exchange): GatewayOptions {
  return {
    documentRoot: root,
    files: nodeFiles(root),
    exchange,
    spool: nodeSpool(),
    createResponse: createNodeResponse,
    onError: (error, request, status, broken) => {
      // What the visitor did wrong is no news; what the application did is.
      if (status < 500 && !broken && !args.flag("verbose")) return;
      note(`${line(request)} ${status}${broken ? " broke off" : ""}: ${messageOf(error)}`);
    },
    onStderr: (text, request) => note(`${line(request)} stderr: ${text}`),
    ...(front === undefined ? {} : { frontController: front }),
  };
}

/** Checks the options of the application; what it returns starts it. */
function planApplication(
  args: Arguments,
  root: string,
  gateway: (exchange: Exchange) => Gateway,
): () => Promise<Application> {
  const upstream = args.text("upstream");
  if (upstream === undefined) {
    if (args.has("keep-connections")) {
      throw new CliError("--keep-connections is for --upstream only.", { exitCode: 2 });
    }
    checkPool(args, [root]);
    warmUpOf(args);
    return async () => {
      const { pool, exchange, php } = await startPool(args, [root], { gateway });
      const { pm, maxChildren } = pool.config;
      return {
        exchange,
        name: `PHP ${php} (${maxChildren} ${maxChildren === 1 ? "child" : "children"}, pm = ${pm})`,
        finish: () => pool.finish(),
        terminate: () => pool.terminate(),
      };
    };
  }
  // --verbose is about the server too.
  const useless = Object.keys({ ...poolOptions, ...warmUpOptions }).filter(
    (name) => name !== "verbose" && args.has(name),
  );
  if (useless.length > 0) {
    const names = useless.map((name) => `--${name}`).join(", ");
    throw new CliError(`${names} and --upstream exclude each other: with it, there is no pool of our own.`, {
      exitCode: 2,
    });
  }
  const maxIdle = args.integer("keep-connections", 0, 1000) ?? 0;
  const connect = connectAddress(addressOption(upstream));
  return async () => {
    const exchange = connectExchange(connect, { maxIdle });
    return { exchange, name: upstream, finish: async () => exchange.close(), terminate: async () => exchange.close() };
  };
}

function line(request: RequestName): string {
  return `${request.method} ${request.target}`;
}

function urlOf(address: ListenAddress): string {
  if ("path" in address) return `unix:${address.path}`;
  const { host = "localhost", port } = address;
  return `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/** This machine's own addresses, when it listens on all of them. */
function reachableAt(address: ListenAddress): readonly string[] {
  if (!("host" in address) || (address.host !== "0.0.0.0" && address.host !== "::")) return [];
  return Object.values(networkInterfaces()).flatMap((addresses = []) =>
    addresses.filter(({ family }) => family === "IPv4").map(({ address }) => address),
  );
}
