// The files of a pool, as this command reaches them: over HTTP, at the reserved path of a gateway at the edge.

import { Readable } from "node:stream";
import type { ReadableStream as NodeReadable } from "node:stream/web";
import type { ImportResult } from "../../fs/index.ts";
import type { ToldEntry } from "../../platform/workers/files-requests.ts";
import { FILES_PATH } from "../../platform/workers/files-route.ts";
import { CliError, messageOf } from "../failure.ts";

export type { ToldEntry };

/** How long a request without a body may take, in milliseconds. */
const TIMEOUT = 60_000;

/** Longest answer that is no stream, in bytes. */
const MAX_ANSWER = 64 * 1024;

/** Longest line of a listing, in bytes: a path and a link's target of 4096 bytes each, escaped. */
const MAX_LINE = 64 * 1024;

/** Paths with an empty text are the root. */
type Parameters = Readonly<Record<string, string | boolean | undefined>>;

/** A file or folder that cannot be had. `code` is POSIX's name: ENOENT and others. */
export class PoolFileError extends CliError {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

export class PoolFileClient {
  readonly #origin: string;
  readonly #token: string;

  constructor(origin: string, token: string) {
    this.#origin = origin;
    this.#token = token;
  }

  /** Entries of a folder, or the one of a file, as they come. */
  async *list(path: string, recursive = false): AsyncGenerator<ToldEntry> {
    const body = bodyOf(await this.#ask("list", { path, recursive }));
    const decoder = new TextDecoder();
    let text = "";
    for await (const chunk of body) {
      const lines = (text + decoder.decode(chunk, { stream: true })).split("\n");
      text = lines.pop() ?? "";
      for (const line of lines) yield JSON.parse(line) as ToldEntry;
      if (text.length > MAX_LINE) throw new CliError("The answer is no listing.");
    }
    if (text !== "") throw new CliError("The listing broke off.");
  }

  async stat(path: string, follow = true): Promise<ToldEntry> {
    return (await textOf(await this.#ask("stat", { path, follow: follow ? undefined : "0" }))) as ToldEntry;
  }

  /** The entry, or `undefined` where there is nothing. */
  async find(path: string): Promise<ToldEntry | undefined> {
    try {
      return await this.stat(path);
    } catch (error) {
      if (error instanceof PoolFileError && error.code === "ENOENT") return undefined;
      throw error;
    }
  }

  /** The bytes of a file, and how many there must be. */
  async read(path: string): Promise<{ size: number; mode: number; mtime: number; bytes: AsyncIterable<Uint8Array> }> {
    const response = await this.#ask("read", { path });
    const number = (name: string) => Number(response.headers.get(name) ?? 0);
    return {
      size: number("x-file-size"),
      mode: number("x-file-mode"),
      mtime: number("x-file-mtime"),
      bytes: bodyOf(response),
    };
  }

  async export(path: string, changed: boolean): Promise<AsyncIterable<Uint8Array>> {
    return bodyOf(await this.#ask("export", { path, changed }));
  }

  async import(path: string, archive: AsyncIterable<Uint8Array>): Promise<ImportResult> {
    let broken: unknown;
    const source = telling(archive, (error) => {
      broken = error;
    });
    const body = Readable.toWeb(Readable.from(source)) as unknown as ReadableStream<Uint8Array>;
    try {
      return (await textOf(await this.#ask("import", { path }, body))) as ImportResult;
    } catch (error) {
      // What could not be read here is not the pool's fault.
      throw broken ?? error;
    }
  }

  async makeDirectory(path: string, parents: boolean): Promise<void> {
    await textOf(await this.#ask("mkdir", { path, parents }, null));
  }

  /** @returns how many files, links and folders went */
  async remove(path: string, recursive: boolean): Promise<number> {
    return ((await textOf(await this.#ask("remove", { path, recursive }, null))) as { removed: number }).removed;
  }

  /** @param body of a POST; undefined: a GET */
  async #ask(operation: string, parameters: Parameters, body?: ReadableStream<Uint8Array> | null): Promise<Response> {
    const url = new URL(FILES_PATH + operation, this.#origin);
    for (const [name, value] of Object.entries(parameters)) {
      if (value !== undefined && value !== false) url.searchParams.set(name, value === true ? "1" : value);
    }
    const init = {
      method: body === undefined ? "GET" : "POST",
      headers: { authorization: `Bearer ${this.#token}` },
      // A token goes to nobody else.
      redirect: "manual" as const,
      ...(body == null ? { signal: AbortSignal.timeout(TIMEOUT) } : { body, duplex: "half" }),
    };
    // The wait for the answer has an end; what streams then may take its time.
    const response = await fetch(url, operation === "export" || operation === "read" ? untimed(init) : init).catch(
      (error: unknown) => {
        throw new CliError(`${this.#origin} did not answer: ${causeOf(error)}`, { cause: error });
      },
    );
    if (response.status === 200 && response.headers.get("cache-control") === "no-store") return response;
    throw await refusalOf(response, this.#origin);
  }
}

/** Passes an archive on, and tells why it broke off. */
async function* telling(
  archive: AsyncIterable<Uint8Array>,
  failed: (error: unknown) => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* archive;
  } catch (error) {
    failed(error);
    throw error;
  }
}

function untimed<T extends object>(init: T): Omit<T, "signal"> {
  const { signal: _, ...rest } = init as T & { signal?: unknown };
  return rest as Omit<T, "signal">;
}

async function* bodyOf({ body }: Response): AsyncGenerator<Uint8Array> {
  if (body === null) return;
  try {
    yield* body as unknown as NodeReadable<Uint8Array>;
  } catch (error) {
    throw new CliError(`The answer broke off: ${causeOf(error)}`, {
      hint: "A file that changes while it is read does that, or a lost connection. Try again.",
      cause: error,
    });
  }
}

async function textOf(response: Response): Promise<unknown> {
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of bodyOf(response)) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > MAX_ANSWER) throw new CliError("The answer is too long to be one of edge-fpm's.");
  }
  return JSON.parse(text) as unknown;
}

async function refusalOf(response: Response, origin: string): Promise<CliError> {
  const { status } = response;
  if (status === 401) {
    return new CliError(`${origin} does not take the token.`, {
      hint: "It is the secret EDGE_FPM_FILES_TOKEN of the Worker; see docs/filesystem.md.",
    });
  }
  if (status === 413) {
    return new CliError(`${origin} takes no body of that size.`, {
      hint: "Cloudflare allows 100 MB a request on most plans: import the archive in parts.",
    });
  }
  const said = await textOf(response).catch(() => undefined);
  const { error, message } = (said ?? {}) as { error?: unknown; message?: unknown };
  if (typeof error === "string" && typeof message === "string") {
    return new PoolFileError(error, `${message.startsWith(error) ? "" : `${error}: `}${message}.`);
  }
  return new CliError(`${origin} has no way to the files of a pool (status ${status}).`, {
    hint: "The Worker needs the secret EDGE_FPM_FILES_TOKEN, of 16 characters or more; see docs/filesystem.md.",
  });
}

/** fetch() hides the reason in the cause. */
function causeOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  return messageOf(cause ?? error);
}
