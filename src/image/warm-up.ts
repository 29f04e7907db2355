// The requests of a warm-up: through a gateway like that of the deployment, so that scripts see what they will see there.

import { compileConfig } from "../gateway/config/compile.ts";
import { fromPlain } from "../gateway/config/plain.ts";
import { createConfiguredGateway, createFolderGateway, type Gateway } from "../gateway/index.ts";
import { assetFiles, filesBelow, knownFiles } from "../platform/workers/asset-files.ts";
import type { EdgeSettings } from "../platform/workers/settings.ts";
import { type Exchange, ExchangeError } from "../transport/exchange.ts";

/** Such as "/" and "/blog?page=2": the host is the one of URLs that name none. */
const HOST = "http://localhost";

/** The gateway, without the network: applications elsewhere are not reached. */
export function warmUpGateway(settings: EdgeSettings, archive: Uint8Array, pool: Exchange): Gateway {
  const { mount, documentRoot, frontController, index, assets } = settings;
  const folder = documentRoot === mount ? "" : documentRoot.slice(mount.length + 1);
  const files = assetFiles(knownFiles(archive, folder, assets), undefined);
  if (settings.config === undefined) {
    return createFolderGateway({
      documentRoot,
      files,
      exchange: pool,
      ...(frontController === undefined ? {} : { frontController }),
      ...(index === undefined ? {} : { index }),
    });
  }
  const config = fromPlain(settings.config);
  const nobody: Exchange = () =>
    Promise.reject(new ExchangeError("EXCHANGE_CONNECT", "a build reaches no application elsewhere"));
  return createConfiguredGateway(compileConfig(config, { root: documentRoot }), {
    application: (name) => (name === undefined || name in (config.pools ?? {}) ? pool : nobody),
    files: (root) => filesBelow(files, documentRoot, root),
  }).handle;
}

/**
 * Asks, and drops the answer. Gives what is wrong with it.
 *
 * @param longest milliseconds until it is given up
 */
export async function warmUpRequest(gateway: Gateway, url: string, longest: number): Promise<string | undefined> {
  try {
    const request = new Request(new URL(url, HOST), { signal: AbortSignal.timeout(longest) });
    const { host, port } = new URL(request.url);
    const response = await gateway(request, {
      headers: [
        ["host", host],
        ["accept", "text/html"],
        ["user-agent", "edge-fpm warm-up"],
      ],
      protocol: "HTTP/1.1",
      remoteAddress: "127.0.0.1",
      serverPort: port === "" ? (request.url.startsWith("https:") ? 443 : 80) : Number(port),
    });
    await response.body?.pipeTo(new WritableStream());
    return response.status >= 400 ? `it answered ${response.status}` : undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
