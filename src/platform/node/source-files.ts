// The files whose compiled code is in a snapshot: which they are, and whether they are still the same.

import { statSync } from "node:fs";
import { join } from "node:path";
import { utf8ToByteString } from "../../codec/index.ts";
import type { PhpHost } from "../../php/host.ts";
import type { SourceFile } from "../../php/snapshot/portable.ts";

/** A script of ours that tells what opcache holds, and where it lies in the interpreter's file system. */
export const LIST_PATH = "/internal/shared/opcache.php";
export const LIST_SCRIPT = `<?php
$status = function_exists('opcache_get_status') ? opcache_get_status() : false;
$paths = array_merge(array_keys($status['scripts'] ?? []), $status['preload_statistics']['scripts'] ?? []);
echo json_encode(array_values(array_unique($paths)), JSON_INVALID_UTF8_IGNORE);
`;

/** Asks opcache for its scripts. Those of our own are none of the application's. */
export async function listSources(host: PhpHost, root: string | undefined): Promise<SourceFile[]> {
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
  const paths = JSON.parse(text) as string[];
  return paths.flatMap((path) => {
    const found = path.startsWith("/internal/") ? undefined : look(path, root);
    return found === undefined ? [] : [found];
  });
}

/** The first file that is not what it was, by its path. */
export function changedSource(sources: readonly SourceFile[], root: string | undefined): string | undefined {
  return sources.find(({ path, size, time }) => {
    const now = look(path, root);
    return now?.size !== size || now.time !== time;
  })?.path;
}

function look(path: string, root: string | undefined): SourceFile | undefined {
  const found = statSync(root === undefined ? path : join(root, path), { throwIfNoEntry: false });
  return found && { path, size: found.size, time: Math.trunc(found.mtimeMs) };
}
