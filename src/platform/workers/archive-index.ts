// What lies in an archive, without inflating any of it.

import { bytesToByteString } from "../../codec/index.ts";
import type { KnownFile } from "./asset-files.ts";

const END = 0x06054b50;

/** @param folder the folder of the archive that is the document root: "" for all of it, else such as "public" */
export function archiveFiles(archive: ArrayBuffer, folder: string): Map<string, KnownFile> {
  const bytes = new Uint8Array(archive);
  const view = new DataView(archive);
  let end = archive.byteLength - 22;
  while (end >= 0 && view.getUint32(end, true) !== END) end--;
  if (end < 0) throw new Error("app.zip is no archive");
  const files = new Map<string, KnownFile>();
  const prefix = folder === "" ? "" : `${folder}/`;
  let at = view.getUint32(end + 16, true);
  for (let count = view.getUint16(end + 10, true); count > 0; count--) {
    const length = view.getUint16(at + 28, true);
    const name = bytesToByteString(bytes, at + 46, at + 46 + length);
    const time = view.getUint32(at + 12, true);
    if (!name.endsWith("/") && name.startsWith(prefix)) {
      const path = `/${name.slice(prefix.length)}`;
      files.set(path, { size: view.getUint32(at + 24, true), modified: fromDosTime(time) });
    }
    at += 46 + length + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
  }
  return files;
}

function fromDosTime(time: number): number {
  const [year, month, day] = [(time >>> 25) + 1980, ((time >>> 21) & 15) - 1, (time >>> 16) & 31];
  return Date.UTC(year, month, day, (time >>> 11) & 31, (time >>> 5) & 63, (time & 31) * 2);
}
