// `--warmup` and `--snapshot` of `edge-fpm fpm`. Which requests a web server in front would make of a path is not known here:
// a path is that of a script below the folder of the application.

import { createFolderGateway, type Gateway } from "../gateway/index.ts";
import { nodeFiles } from "../platform/node/files.ts";
import type { SnapshotOptions } from "../platform/node/snapshot-options.ts";
import type { Exchange } from "../transport/exchange.ts";
import type { Arguments } from "./command.ts";
import { snapshotOptions, warmUpOf } from "./warm-up.ts";

/** Makes requests of paths below a folder. */
export function scriptsBelow(root: string): (application: Exchange) => Gateway {
  return (exchange) => createFolderGateway({ documentRoot: root, files: nodeFiles(root), exchange });
}

/**
 * What a pool of a configuration file starts its children from; undefined when nobody asks for it.
 *
 * @param root folder of the application
 * @param chroot of the pool: its paths are below that
 * @throws {CliError} exit code 2
 */
export function poolSnapshot(
  args: Arguments,
  { name, chroot }: { readonly name: string; readonly chroot: string | undefined },
  root: string,
): SnapshotOptions | undefined {
  const settings = warmUpOf(args);
  if (settings === undefined) return undefined;
  const { urls, file } = settings;
  const gateway =
    chroot === undefined
      ? scriptsBelow(root)
      : (exchange: Exchange) => createFolderGateway({ documentRoot: "/", files: nodeFiles(chroot), exchange });
  const own = file && `${file}.${name.replace(/[^\w.-]/g, "_")}`;
  return snapshotOptions({ urls, file: own }, name, gateway);
}
