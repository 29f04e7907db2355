// This machine's files into a tar stream, and out of one.

import { isUtf8 } from "node:buffer";
import { createReadStream } from "node:fs";
import { chmod, lstat, mkdir, open, readdir, readlink, rm, symlink, utimes } from "node:fs/promises";
import { join } from "node:path";
import { TAR_END, TarReader, tarHeader, tarPadding } from "../../fs/index.ts";
import { CliError } from "../failure.ts";

/**
 * One file, link or folder with all that is in it, under a name in the archive; devices and sockets are left out.
 *
 * @param leftOut told of what has no place in an archive, because its name or a link's target is not UTF-8
 */
export async function* tarOf(
  source: string,
  name: string,
  leftOut: (path: string) => void,
): AsyncGenerator<Uint8Array> {
  yield* entriesOf(source, name, leftOut);
  yield TAR_END;
}

async function* entriesOf(source: string, path: string, leftOut: (path: string) => void): AsyncGenerator<Uint8Array> {
  const found = await lstat(source);
  const common = { path, mode: found.mode & 0o7777, mtime: Math.round(found.mtimeMs) };
  if (found.isDirectory()) {
    yield tarHeader({ ...common, type: "directory", size: 0 });
    const names = await readdir(source, { encoding: "buffer" });
    for (const name of names) if (!isUtf8(name)) leftOut(join(source, name.toString()));
    for (const name of names
      .filter((one) => isUtf8(one))
      .map(String)
      .sort()) {
      yield* entriesOf(join(source, name), `${path}/${name}`, leftOut);
    }
  } else if (found.isSymbolicLink()) {
    const target = await readlink(source, { encoding: "buffer" });
    if (isUtf8(target)) yield tarHeader({ ...common, type: "symlink", size: 0, target: target.toString() });
    else leftOut(source);
  } else if (found.isFile()) {
    yield tarHeader({ ...common, type: "file", size: found.size });
    let sent = 0;
    for await (const chunk of createReadStream(source)) {
      sent += (chunk as Buffer).length;
      if (sent > found.size) break;
      yield chunk as Buffer;
    }
    if (sent !== found.size) throw new CliError(`${source} changed while it was read.`);
    const padding = tarPadding(found.size);
    if (padding > 0) yield new Uint8Array(padding);
  }
}

/** A single file of known content. */
export async function* tarOfBytes(
  name: string,
  bytes: Uint8Array,
  mode: number,
  mtime: number,
): AsyncGenerator<Uint8Array> {
  yield tarHeader({ path: name, type: "file", size: bytes.length, mode, mtime });
  yield bytes;
  yield new Uint8Array(tarPadding(bytes.length));
  yield TAR_END;
}

/**
 * Writes an archive's files below a folder, which is made when missing. What is there is replaced; links in the archive are
 * not followed.
 */
export async function extractTar(archive: AsyncIterable<Uint8Array>, folder: string): Promise<void> {
  const reader = new TarReader();
  const times: (readonly [path: string, mode: number, mtime: number])[] = [];
  let file: { handle: Awaited<ReturnType<typeof open>>; mode: number; mtime: number } | undefined;
  await mkdir(folder, { recursive: true });
  try {
    for await (const chunk of archive) {
      for (const event of reader.push(chunk)) {
        if (event.type === "bytes") {
          await file?.handle.writeFile(event.bytes);
        } else if (event.type === "end-of-entry") {
          await file?.handle.chmod(file.mode);
          await file?.handle.utimes(file.mtime / 1000, file.mtime / 1000);
          await file?.handle.close();
          file = undefined;
        } else {
          const { type, mode, mtime, target = "" } = event.entry;
          const path = await placeOf(folder, event.entry.path);
          if (type === "directory") {
            await mkdir(path, { recursive: true });
            times.push([path, mode, mtime]);
          } else {
            await rm(path, { force: true });
            if (type === "symlink") await symlink(target, path);
            else file = { handle: await open(path, "wx"), mode, mtime };
          }
        }
      }
    }
    reader.end();
  } finally {
    await file?.handle.close();
  }
  for (const [path, mode, mtime] of times.reverse()) {
    await chmod(path, mode);
    await utimes(path, mtime / 1000, mtime / 1000);
  }
}

/** Where an entry goes, its folders made. A link among them would lead elsewhere. */
async function placeOf(folder: string, path: string): Promise<string> {
  const names = path.split("/").filter((name) => name !== "" && name !== ".");
  if (names.includes("..")) throw new CliError(`The archive has a path that leaves the folder: ${path}`);
  let at = folder;
  for (const name of names.slice(0, -1)) {
    at = join(at, name);
    const found = await lstat(at).catch(() => undefined);
    if (found === undefined) await mkdir(at);
    else if (!found.isDirectory()) throw new CliError(`${at} is no folder.`);
  }
  const place = join(folder, ...names);
  const found = await lstat(place).catch(() => undefined);
  if (found?.isSymbolicLink()) await rm(place);
  return place;
}
