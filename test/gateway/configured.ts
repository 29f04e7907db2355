// A gateway with a configuration over scripted applications, for tests.

import { compileConfig } from "../../src/gateway/config/compile.ts";
import type { GatewayConfig } from "../../src/gateway/config/config.ts";
import { createConfiguredGateway, type GatewayResources, type RequestInfo } from "../../src/gateway/index.ts";
import type { AccessEntry } from "../../src/gateway/observe/entry.ts";
import { nodeCompressor } from "../../src/platform/node/compress.ts";
import { nodeFiles } from "../../src/platform/node/files.ts";
import { documentRoot, exchangeOf, type Failure, hello, type Script } from "./application.ts";

export interface ConfiguredOptions {
  /** Applications by name; `default` is the one that the configuration does not name. */
  readonly scripts?: Readonly<Record<string, Script>>;
  readonly tree?: Record<string, string | Uint8Array>;
  readonly resources?: Partial<GatewayResources>;
}

/** The configuration may name folders below the document root's parent: the tree is put there, with `www` as the root. */
export async function configured(
  config: GatewayConfig | ((folder: string) => GatewayConfig),
  options: ConfiguredOptions = {},
) {
  const folder = await documentRoot({ "www/index.php": "<?php // SECRET", ...options.tree });
  const root = `${folder}/www`;
  const scripts: Readonly<Record<string, Script>> = { default: hello, ...options.scripts };
  const failures: (Failure & { readonly broken: boolean })[] = [];
  const entries: AccessEntry[] = [];
  const made = createConfiguredGateway(
    compileConfig(typeof config === "function" ? config(folder) : config, { root }),
    {
      files: (at, { followSymlinks }) => nodeFiles(at, { followSymlinks }),
      application: (name = "default") => exchangeOf(scripts[name] ?? hello),
      compress: nodeCompressor,
      onError: (error, _request, status, broken) => {
        const { code, message } = (error ?? {}) as { code?: unknown; message: string };
        failures.push({ code, status, message, broken });
      },
      onAccess: (entry) => entries.push(entry),
      ...options.resources,
    },
  );
  const get = (path: string, init?: RequestInit, info?: RequestInfo) =>
    made.handle(new Request(`http://example.test${path}`, init), info);
  return { ...made, root, folder, get, failures, entries };
}

/** Prints a head and a body. */
export const prints =
  (...chunks: (string | Uint8Array)[]): Script =>
  async (visit) => {
    for (const chunk of chunks) await visit.out(chunk);
    return undefined;
  };

export const TEXT = "Content-Type: text/plain\n\n";
