// The gateway's view of the files that scripts have written: they are in the pool's object.

import { byteStringToUtf8 } from "../../codec/index.ts";
import type { Entry, FileSource } from "../../gateway/files.ts";
import { isAsset } from "../../image/assets.ts";
import type { WrittenFile } from "./file-store.ts";
import { plainResult } from "./rpc-result.ts";

/** As much of a pool's object as is used. */
export interface WrittenFilesBinding {
  findFile(path: string): Promise<WrittenFile | undefined>;
  readFile(file: WrittenFile, start: number, length: number): Promise<Uint8Array>;
}

/** Bytes that are asked for at once. */
const STEP = 512 * 1024;

/**
 * Finds files by their names: a path whose last name has no dot is not looked for, so that the addresses of a front
 * controller cost nothing. What a visitor may have is what could be a static file of a build; scripts are found, and run.
 *
 * @param binding of one request
 * @param documentRoot absolute, as PHP sees it
 */
export function writtenFiles(binding: () => WrittenFilesBinding, documentRoot: string): FileSource["find"] {
  return (path) => {
    const name = path.slice(path.lastIndexOf("/") + 1);
    if (name.lastIndexOf(".") <= 0) return undefined;
    const text = byteStringToUtf8(path);
    const script = name.endsWith(".php");
    return plainResult(binding().findFile(documentRoot + text)).then((file): Entry | undefined => {
      if (file === undefined) return undefined;
      if (!script && !isAsset(text.slice(1))) return { type: "refused" };
      const { size, modified } = file;
      return { type: "file", size, modified, read: async (start, end) => stream(binding, file, start, end) };
    });
  };
}

function stream(
  binding: () => WrittenFilesBinding,
  file: WrittenFile,
  start: number,
  end: number,
): ReadableStream<Uint8Array> {
  let at = start;
  return new ReadableStream({
    async pull(controller) {
      if (at < end) {
        const bytes = await plainResult(binding().readFile(file, at, Math.min(STEP, end - at)));
        if (bytes.length === 0) throw new Error("the file was cut while it was sent");
        at += bytes.length;
        controller.enqueue(bytes);
      }
      if (at >= end) controller.close();
    },
  });
}
