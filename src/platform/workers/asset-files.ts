// The gateway's view of the application's files: which there are says the archive's directory, what is in the static ones
// the assets binding gives.

import { utf8ToByteString } from "../../codec/index.ts";
import type { Entry, FileEntry, FileSource } from "../../gateway/files.ts";
import { readArchive } from "../../php/archive.ts";
import type { EdgeSettings } from "./settings.ts";
import type { WrittenFiles } from "./written-files.ts";

/** A file of the application, by its path below the document root ("/css/a.css"), a byte string. */
export interface KnownFile {
  /** Bytes. */
  readonly size: number;
  /** Milliseconds since 1970. */
  readonly modified: number;
  /** Whether visitors may have it as it is. */
  readonly public: boolean;
}

/** The assets binding. */
export interface Assets {
  fetch(url: string, init?: RequestInit): Promise<Response>;
}

/**
 * The files below the document root: those of the archive, of which nothing is inflated, and those that are static files
 * only.
 *
 * @param folder the folder of the archive that is the document root: "" for all of it, else such as "public"
 * @param assets the static files, or `undefined` when every file is one
 */
export function knownFiles(
  archive: Uint8Array,
  folder: string,
  assets: EdgeSettings["assets"],
): Map<string, KnownFile> {
  const files = new Map<string, KnownFile>();
  const prefix = folder === "" ? "" : `${folder}/`;
  for (const { path, directory, size, modified } of readArchive(archive)) {
    if (directory || !path.startsWith(prefix)) continue;
    files.set(utf8ToByteString(`/${path.slice(prefix.length)}`), { size, modified, public: assets === undefined });
  }
  for (const [path, [size, modified]] of Object.entries(assets ?? {})) {
    files.set(utf8ToByteString(path), { size, modified, public: true });
  }
  return files;
}

/**
 * Makes the file source.
 *
 * @param written what scripts have written, and which files they have changed or removed
 */
export function assetFiles(
  files: ReadonlyMap<string, KnownFile>,
  assets: Assets | undefined,
  written?: WrittenFiles,
): FileSource {
  const entries = new Map<string, Entry>([["/", { type: "directory" }]]);
  for (const [path, known] of files) {
    // Scripts are found, and run; their text is never sent, by the gateway's own rules.
    entries.set(path, known.public || path.endsWith(".php") ? fileEntry(path, known, assets) : { type: "refused" });
    for (let at = path.lastIndexOf("/"); at > 0; at = path.lastIndexOf("/", at - 1)) {
      const folder = path.slice(0, at);
      if (entries.has(folder)) break;
      entries.set(folder, { type: "directory" });
    }
  }
  const look = (path: string) => {
    const plain = path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path;
    const entry = entries.get(plain);
    if (entry === undefined || written?.changed(plain)) return written?.find(path);
    return entry.type === "file" && path.endsWith("/") ? undefined : entry;
  };
  return {
    find(path, toRun) {
      // A script is opened by its name later on, whatever is known of it here.
      const wait = toRun === true ? undefined : written?.fresh();
      return wait === undefined ? look(path) : wait.then(() => look(path));
    },
  };
}

/** The files of a root inside the document root. */
export function filesBelow(files: FileSource, documentRoot: string, root: string): FileSource {
  if (root === documentRoot) return files;
  if (!root.startsWith(`${documentRoot}/`)) return { find: () => undefined };
  const prefix = utf8ToByteString(root.slice(documentRoot.length));
  return { find: (path) => files.find(prefix + path) };
}

function fileEntry(path: string, { size, modified }: KnownFile, assets: Assets | undefined): FileEntry {
  return {
    type: "file",
    size,
    modified,
    async read(start, end) {
      if (assets === undefined) throw new Error("there is no assets binding named ASSETS");
      const url = `http://assets${urlPath(path)}`;
      const response = await assets.fetch(url);
      if (!response.ok || response.body === null) {
        void response.body?.cancel().catch(() => {});
        throw new Error(`${path} is not among the static files (the assets answered ${response.status})`);
      }
      return start === 0 && end === size ? response.body : response.body.pipeThrough(slice(start, end));
    },
  };
}

/** A byte string as the path of a URL. */
function urlPath(path: string): string {
  return path.replace(/[^A-Za-z0-9\-._~/]/g, (character) => {
    return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`;
  });
}

/** Lets the bytes from `start` up to but without `end` through. */
function slice(start: number, end: number): TransformStream<Uint8Array, Uint8Array> {
  let at = 0;
  return new TransformStream({
    transform(chunk, controller) {
      const part = chunk.subarray(Math.max(0, start - at), Math.max(0, end - at));
      at += chunk.length;
      if (part.length > 0) controller.enqueue(part);
      if (at >= end) controller.terminate();
    },
  });
}
