// The files whose compiled code is in a snapshot: which they are, and whether they are still the same.

import { realpathSync, statSync } from "node:fs";
import { join } from "node:path";
import { byteStringToUtf8, utf8ToByteString } from "../../codec/index.ts";
import type { PhpHost } from "../../php/host.ts";
import type { SourceFile } from "../../php/snapshot/portable.ts";

/**
 * A script of ours that tells what opcache holds, and where it lies in the interpreter's file system. Opcache finds a script
 * by the name that it was asked for as well, through links: such names are told too.
 */
export const LIST_PATH = "/internal/shared/opcache.php";
export const LIST_SCRIPT = `<?php
$status = function_exists('opcache_get_status') ? opcache_get_status() : false;
$paths = array_merge(array_keys($status['scripts'] ?? []), $status['preload_statistics']['scripts'] ?? []);
foreach (realpath_cache_get() as $path => $entry) {
  if (in_array($entry['realpath'], $paths, true)) $paths[] = $path;
}
echo json_encode(array_values(array_unique($paths)), JSON_INVALID_UTF8_IGNORE);
`;

/**
 * Asks opcache for its scripts. Those of our own are none of the application's.
 *
 * @param asked byte strings: scripts that were run by these names, which PHP may have forgotten (`open_basedir`)
 * @param root the real directory that is "/" to PHP, when it is another one
 */
export async function listSources(
  host: PhpHost,
  asked: readonly string[],
  root: string | undefined,
): Promise<SourceFile[]> {
  const decoder = new TextDecoder();
  let text = "";
  await host.run(
    { scriptFilename: utf8ToByteString(LIST_PATH), params: [["REQUEST_METHOD", "GET"]], body: new Uint8Array(0) },
    {
      headers() {},
      stdout(chunk) {
        text += decoder.decode(chunk, { stream: true });
      },
      stderr() {},
      log() {},
      finishRequest() {},
    },
  );
  const paths = new Set([...(JSON.parse(text) as string[]), ...asked.map(byteStringToUtf8)]);
  return [...paths].flatMap((path) => {
    const found = path.startsWith("/internal/") ? undefined : look(path, root);
    return found === undefined ? [] : [found];
  });
}

/** The first file that is not what it was, by its path. */
export function changedSource(sources: readonly SourceFile[], root: string | undefined): string | undefined {
  return sources.find(({ path, real, size, time }) => {
    const now = look(path, root);
    return now?.real !== real || now.size !== size || now.time !== time;
  })?.path;
}

function look(path: string, root: string | undefined): SourceFile | undefined {
  const at = root === undefined ? path : join(root, path);
  const found = statSync(at, { throwIfNoEntry: false });
  return found && { path, real: realpathSync(at), size: found.size, time: Math.trunc(found.mtimeMs) };
}
