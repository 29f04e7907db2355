// `createGateway`: one folder and one application, or a whole configuration.

import type { Purge } from "./cache/store.ts";
import { assertConfig } from "./config/check.ts";
import { compileConfig } from "./config/compile.ts";
import type { GatewayConfig } from "./config/config.ts";
import { createConfiguredGateway } from "./configured-gateway.ts";
import { createFolderGateway, type Gateway } from "./gateway.ts";
import type { GatewayOptions } from "./options.ts";
import type { GatewayResources } from "./resources.ts";

/** A configuration, and what it names: files, applications, stores of caches. */
export interface ConfigOptions extends GatewayResources {
  /** As `edge-fpm.config.ts` has it. */
  readonly config: GatewayConfig;
  /** The root of sites that name none. Default `.`. */
  readonly root?: string;
}

/** A handler that also forgets what its caches hold. */
export interface PurgeableGateway extends Gateway {
  /**
   * Forgets answers of a cache zone.
   * @returns how many; `undefined` where the store cannot know
   */
  purge(zone: string, purge: Purge): Promise<number | undefined>;
}

/**
 * Makes the handler of one folder, or of a whole configuration. It may be called any number of times at once.
 *
 * @throws {ConfigError} `CONFIG_INVALID`, with all problems of the configuration
 */
export function createGateway(options: ConfigOptions): PurgeableGateway;
export function createGateway(options: GatewayOptions): Gateway;
export function createGateway(options: GatewayOptions | ConfigOptions): Gateway {
  if (!("config" in options)) return createFolderGateway(options);
  const { config, root, ...resources } = options;
  assertConfig(config);
  const compiled = compileConfig(config, root === undefined ? {} : { root });
  const { handle, purge } = createConfiguredGateway(compiled, resources);
  return Object.assign<Gateway, Pick<PurgeableGateway, "purge">>((request, info) => handle(request, info), { purge });
}
