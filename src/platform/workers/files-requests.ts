// What an operator asks of a pool's files, as the pool's object sees it: one request, one operation. Who may ask is the
// gateway's business (files-route.ts).
//
//   GET  list?path=/app[&recursive=1]   entries, one JSON object a line
//   GET  stat?path=/app/a.txt           one entry; of a link itself with follow=0
//   GET  read?path=/app/a.txt           the bytes
//   GET  export?path=/[&changed=1]      a tar archive
//   POST import?path=/                  takes one in
//   POST mkdir?path=/app/a[&parents=1]
//   POST remove?path=/app/a[&recursive=1]

import { FileError, FileStoreError, type NodeRecord } from "../../fs/index.ts";
import { makeDirectory, removePath } from "./file-changes.ts";
import type { PoolFiles } from "./file-store.ts";
import { FILES_PATH } from "./files-route.ts";

/** An entry as it is told: times in milliseconds since 1970, sizes in bytes. */
export interface ToldEntry {
  /** Below the path that was asked for; "" is that path itself. */
  readonly path: string;
  readonly type: NodeRecord["type"];
  readonly mode: number;
  readonly size: number;
  readonly mtime: number;
  /** Where a link leads. */
  readonly target?: string;
  /** Its content is as the application's build made it. */
  readonly built?: true;
}

/** Entries that go out in one piece. */
const AT_ONCE = 500;

/** Bytes of a file that go out in one piece. */
const PIECE = 1024 * 1024;

/** Longest path that is looked at: the store's own limit. */
const LONGEST_PATH = 4096;

const METHODS: Readonly<Record<string, "GET" | "POST">> = {
  list: "GET",
  stat: "GET",
  read: "GET",
  export: "GET",
  import: "POST",
  mkdir: "POST",
  remove: "POST",
};

/** Whether a request to the object is about its files. */
export function isFilesRequest({ url }: Request): boolean {
  return new URL(url).pathname.startsWith(FILES_PATH);
}

/** Does what is asked. Never rejects. */
export async function answerFilesRequest(files: PoolFiles, request: Request): Promise<Response> {
  try {
    return await answer(files, request);
  } catch (error) {
    return refusal(error);
  }
}

async function answer(files: PoolFiles, request: Request): Promise<Response> {
  const { pathname, searchParams } = new URL(request.url);
  const operation = pathname.slice(FILES_PATH.length);
  const method = Object.hasOwn(METHODS, operation) ? METHODS[operation] : undefined;
  if (method === undefined) return told({ error: "UNKNOWN", message: `there is no operation "${operation}"` }, 404);
  if (request.method !== method) {
    return told({ error: "METHOD", message: `${operation} is asked for by ${method}` }, 405, { allow: method });
  }
  const path = searchParams.get("path") ?? "/";
  if (path.length > LONGEST_PATH) throw new FileError("ENAMETOOLONG", `a path of ${path.length} characters`);
  const flag = (name: string) => searchParams.get(name) === "1";
  const { store } = files.service;
  switch (operation) {
    case "list":
      return streamed(lines(list(files, path, flag("recursive"))), "application/x-ndjson");
    case "stat":
      return told(entryOf(store.lookup(path, searchParams.get("follow") !== "0"), ""));
    case "read":
      return read(files, path);
    case "export":
      // A path that does not exist is told now, not in the middle.
      store.lookup(path);
      return new Response(files.export(path, flag("changed")), { headers: headersOf("application/x-tar") });
    case "import":
      return told(await files.import(request.body ?? new ReadableStream({ start: (stream) => stream.close() }), path));
    case "mkdir":
      return told({ made: makeDirectory(files.service, path, flag("parents"), Date.now()) });
    default:
      return told({ removed: removePath(files.service, path, flag("recursive"), Date.now()) });
  }
}

function entryOf({ type, mode, size, mtime, target, base }: NodeRecord, path: string): ToldEntry {
  return {
    path,
    type,
    mode,
    size,
    mtime,
    ...(target !== undefined && { target }),
    ...(base !== undefined && { built: true }),
  };
}

/** @throws {FileError} before the first entry only: what goes meanwhile is left out */
function list(files: PoolFiles, path: string, recursive: boolean): Iterable<ToldEntry> {
  const { store } = files.service;
  const top = store.lookup(path);
  if (top.type !== "directory") return [entryOf(top, "")];
  function* below(dir: NodeRecord, prefix: string): Generator<ToldEntry> {
    let nodes: readonly NodeRecord[] = [];
    try {
      nodes = store.list(dir.ino);
    } catch {
      // Removed since its parent was read.
    }
    for (const node of nodes) {
      yield entryOf(node, prefix + node.name);
      if (recursive && node.type === "directory") yield* below(node, `${prefix}${node.name}/`);
    }
  }
  return below(top, "");
}

function* lines(entries: Iterable<ToldEntry>): Generator<Uint8Array> {
  const encoder = new TextEncoder();
  let text = "";
  let count = 0;
  for (const entry of entries) {
    text += `${JSON.stringify(entry)}\n`;
    count += 1;
    if (count % AT_ONCE !== 0) continue;
    yield encoder.encode(text);
    text = "";
  }
  if (text !== "") yield encoder.encode(text);
}

function read(files: PoolFiles, path: string): Response {
  const { store } = files.service;
  const node = store.lookup(path);
  // Says so when it is no file.
  store.read(node.ino, 0, 0);
  function* pieces(): Generator<Uint8Array> {
    for (let at = 0; at < node.size; ) {
      const bytes = store.read(node.ino, at, PIECE, node.version);
      at += bytes.length;
      yield bytes;
    }
  }
  return streamed(pieces(), "application/octet-stream", {
    "x-file-size": String(node.size),
    "x-file-mode": String(node.mode),
    "x-file-mtime": String(node.mtime),
  });
}

function streamed(parts: Generator<Uint8Array>, type: string, more: Readonly<Record<string, string>> = {}): Response {
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      const next = parts.next();
      if (next.done === true) controller.close();
      else controller.enqueue(next.value);
    },
    cancel() {
      parts.return(undefined);
    },
  });
  return new Response(body, { headers: { ...headersOf(type), ...more } });
}

function headersOf(type: string): Record<string, string> {
  return { "content-type": type, "cache-control": "no-store" };
}

function told(value: object, status = 200, more: Readonly<Record<string, string>> = {}): Response {
  const body = `${JSON.stringify(value)}\n`;
  return new Response(body, { status, headers: { ...headersOf("application/json"), ...more } });
}

function refusal(error: unknown): Response {
  if (error instanceof FileError) {
    const status = error.errno === "ENOENT" ? 404 : error.errno === "ENOSPC" ? 507 : 409;
    return told({ error: error.errno, message: error.message }, status);
  }
  if (error instanceof FileStoreError) return told({ error: error.code, message: error.message }, 400);
  // Most often: whoever sent the body has gone.
  return told({ error: "FAILED", message: error instanceof Error ? error.message : String(error) }, 500);
}
