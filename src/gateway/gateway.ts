// Request -> Response, seen from the gateway: decide what a path means, run the script or send the file, and turn
// every failure into a page.

import type { ScriptSplit } from "../cgi/index.ts";
import { decodePath, encodePath, metaVariables, type NameValue, scriptPath, toByteString } from "../cgi/index.ts";
import type { ExchangeSink } from "../transport/exchange.ts";
import { GatewayError } from "./errors.ts";
import { failureResponse, failureStatus } from "./failures.ts";
import { locate } from "./locate.ts";
import {
  DEFAULT_LIMITS,
  DEFAULT_TIMEOUTS,
  type GatewayLimits,
  type GatewayOptions,
  type GatewayTimeouts,
  type RequestInfo,
} from "./options.ts";
import { type CreateResponse, createPlatformResponse } from "./reply.ts";
import { type PreparedBody, prepareBody } from "./request-body.ts";
import { type Outcome, ScriptOutput } from "./response.ts";
import { fileResponse } from "./static-files.ts";
import { hostName, parseTarget, type Target } from "./target.ts";
import { Watchdog } from "./watchdog.ts";

/** A fetch-style handler. Never rejects: a failure is a response too. */
export type Gateway = (request: Request, info?: RequestInfo) => Promise<Response>;

/** Local redirects followed for one request (nginx allows 10 too). */
const MAX_REDIRECTS = 10;

/** For a visitor who left: nginx's log has this number, and nobody sees the response. */
const CLIENT_CLOSED_REQUEST = 499;

/** Options with every default in its place. */
interface Settings {
  readonly options: GatewayOptions;
  readonly limits: GatewayLimits;
  readonly timeouts: GatewayTimeouts;
  readonly create: CreateResponse;
  /** Byte strings. */
  readonly documentRoot: string;
  readonly extra: readonly NameValue[];
  readonly locating: {
    readonly index: readonly string[];
    readonly frontController: string | undefined;
    readonly scriptExtensions: readonly string[];
  };
}

/** One request on its way. A local redirect changes all but the first three. */
interface Visit {
  readonly request: Request;
  readonly info: RequestInfo;
  /** As the visitor sent it: REQUEST_URI, and the name in the logs. */
  readonly requestUri: string;
  readonly method: string;
  readonly target: Target;
  /** The target's path, decoded. */
  readonly path: string;
  /** Whether the request's body is for the script: it was for the first one only. */
  readonly hasBody: boolean;
}

/** Makes the handler. It may be called any number of times at once. */
export function createGateway(options: GatewayOptions): Gateway {
  const settings: Settings = {
    options,
    limits: { ...DEFAULT_LIMITS, ...options.limits },
    timeouts: { ...DEFAULT_TIMEOUTS, ...options.timeouts },
    create: options.createResponse ?? createPlatformResponse,
    documentRoot: toByteString(options.documentRoot),
    extra: (options.params ?? []).map(([name, value]) => [toByteString(name), toByteString(value)]),
    locating: {
      index: options.index ?? ["index.php", "index.html"],
      frontController: options.frontController,
      scriptExtensions: options.scriptExtensions ?? [".php"],
    },
  };

  return async (request, info = {}) => {
    const raw = info.target ?? request.url;
    try {
      const target = parseTarget(raw, settings.limits.maxUri + (info.target === undefined ? originLength(raw) : 0));
      checkHeaders(info.headers ?? request.headers, settings.limits.maxRequestHeaders);
      const { method } = request;
      const path = blame(400, () => decodePath(target.path));
      return await serve(settings, { request, info, requestUri: target.uri, method, target, path, hasBody: true });
    } catch (error) {
      if (request.signal.aborted) return settings.create(null, { status: CLIENT_CLOSED_REQUEST, headers: [] });
      const status = failureStatus(error);
      options.onError?.(error, { method: request.method, target: raw.slice(0, settings.limits.maxUri) }, status);
      return failureResponse(status, request.method, settings.create);
    }
  };
}

/** Answers one request, local redirects included. */
async function serve(settings: Settings, first: Visit): Promise<Response> {
  let visit = first;
  for (let redirects = 0; ; redirects++) {
    if (visit.method === "TRACE" || visit.method === "CONNECT") {
      throw new GatewayError("GATEWAY_METHOD", 405, `${visit.method} is not for an application`);
    }
    const location = await locate(visit.path, settings.options.files, settings.locating);
    switch (location.type) {
      case "file":
        return await fileResponse(
          { method: visit.method, headers: visit.request.headers },
          location.path,
          location.file,
          settings.create,
        );
      case "redirect": {
        const query = visit.target.query === "" ? "" : `?${visit.target.query}`;
        return settings.create(null, {
          status: 301,
          headers: [
            ["Location", encodePath(location.path) + query],
            ["Content-Length", "0"],
          ],
        });
      }
      case "deny": {
        const code = location.status === 403 ? "GATEWAY_FORBIDDEN" : "GATEWAY_NOT_FOUND";
        throw new GatewayError(code, location.status, location.reason);
      }
      default:
    }

    const outcome = await runScript(settings, visit, location.script);
    if (outcome.type === "response") return outcome.response;
    if (redirects >= MAX_REDIRECTS) {
      throw new GatewayError(
        "GATEWAY_REDIRECT_LOOP",
        500,
        `more than ${MAX_REDIRECTS} local redirects, the last to ${outcome.target}`,
      );
    }
    const { target, path } = blame(502, () => {
      const target = parseTarget(outcome.target, settings.limits.maxUri);
      return { target, path: decodePath(target.path) };
    });
    visit = { ...visit, target, path, method: visit.method === "HEAD" ? "HEAD" : "GET", hasBody: false };
  }
}

/** Runs a script and waits until the visitor can be answered. The exchange may go on after that. */
async function runScript(settings: Settings, visit: Visit, split: ScriptSplit): Promise<Outcome> {
  const { options, limits, timeouts } = settings;
  const name = { method: visit.request.method, target: visit.requestUri };
  const abort = new AbortController();

  const body = visit.hasBody
    ? await prepareBody(
        visit.request,
        {
          maxBody: limits.maxBody,
          maxBodyInMemory: limits.maxBodyInMemory,
          bodyTimeout: timeouts.body,
          spool: options.spool,
        },
        () => visit.info.beginBody?.(),
        (error) => abort.abort(error),
      )
    : undefined;

  let params: NameValue[];
  try {
    params = blame(400, () => paramsOf(settings, visit, split, body?.length));
  } catch (error) {
    await body?.discard();
    throw error;
  }
  const output = new ScriptOutput({
    method: visit.method,
    maxHeaderBytes: limits.maxResponseHeaders,
    bufferBytes: limits.responseBuffer,
    holdBack: timeouts.holdBack,
    create: settings.create,
    stderr: (line) => options.onStderr?.(line, name),
    abandon: (reason) => abort.abort(reason),
    broken: (error) => {
      if (!visit.request.signal.aborted) options.onError?.(error, name, failureStatus(error));
    },
  });
  // Not awaited: the exchange outlives this call, and `runExchange` sees to all of its ends.
  void runExchange(settings, visit.request.signal, abort, params, body, output);
  return output.outcome;
}

/** One exchange from beginning to end. Never rejects: whatever happens is told to `output`. */
async function runExchange(
  settings: Settings,
  client: AbortSignal,
  abort: AbortController,
  params: readonly NameValue[],
  body: PreparedBody | undefined,
  output: ScriptOutput,
): Promise<void> {
  const limit = settings.timeouts.read;
  const watchdog = new Watchdog(limit, () => {
    abort.abort(new GatewayError("GATEWAY_TIMEOUT", 504, `the application was silent for ${limit} ms`));
  });
  const gone = () => abort.abort(client.reason);
  if (client.aborted) gone();
  else client.addEventListener("abort", gone);
  // The visitor's answer does not wait until the application has noticed.
  abort.signal.addEventListener("abort", () => output.fail(abort.signal.reason));
  try {
    abort.signal.throwIfAborted();
    const stdin = body?.stdin;
    const request =
      stdin === undefined
        ? { role: "responder" as const, params }
        : { role: "responder" as const, params, stdin: stdin instanceof Uint8Array ? stdin : watched(stdin, watchdog) };
    output.finish(await settings.options.exchange(request, watchedSink(output, watchdog), abort.signal));
  } catch (error) {
    // What aborted the exchange is the cause; what it rejects with is the consequence.
    output.fail(abort.signal.aborted ? abort.signal.reason : error);
  } finally {
    watchdog.stop();
    client.removeEventListener("abort", gone);
    await body?.discard().catch((error: unknown) => output.fail(error));
  }
}

/** Counts the application's silence, but not while the visitor holds it up. */
function watchedSink(output: ScriptOutput, watchdog: Watchdog): ExchangeSink {
  return {
    stdout(chunk) {
      watchdog.touch();
      const room = output.stdout(chunk);
      if (room === undefined) return;
      watchdog.suspend();
      return room.then(() => watchdog.resume());
    },
    stderr(chunk) {
      watchdog.touch();
      output.stderr(chunk);
    },
  };
}

/** Counts no silence while the visitor's body is awaited: it has a limit of its own. */
async function* watched(
  chunks: AsyncIterable<Uint8Array>,
  watchdog: Watchdog,
): AsyncGenerator<Uint8Array, void, undefined> {
  watchdog.suspend();
  try {
    for await (const chunk of chunks) {
      watchdog.resume();
      yield chunk;
      watchdog.suspend();
    }
  } finally {
    watchdog.resume();
  }
}

function paramsOf(
  settings: Settings,
  visit: Visit,
  split: ScriptSplit,
  contentLength: number | undefined,
): NameValue[] {
  const { options } = settings;
  const { request, info, target } = visit;
  const headers = info.headers ?? request.headers;
  const host = hostName(request.headers.get("host"));
  return metaVariables({
    method: visit.method,
    requestUri: visit.requestUri,
    queryString: target.query,
    script: scriptPath(settings.documentRoot, split),
    documentRoot: settings.documentRoot,
    headers: visit.hasBody ? headers : withoutContentType(headers),
    ...(contentLength !== undefined && { contentLength }),
    scheme: info.scheme ?? (/^https:/i.test(request.url) ? "https" : "http"),
    ...(info.protocol !== undefined && { protocol: info.protocol }),
    serverName: options.serverName ?? host ?? info.serverAddress ?? "localhost",
    ...(info.serverAddress !== undefined && { serverAddress: info.serverAddress }),
    ...(info.serverPort !== undefined && { serverPort: info.serverPort }),
    ...(info.remoteAddress !== undefined && { remoteAddress: info.remoteAddress }),
    ...(info.remotePort !== undefined && { remotePort: info.remotePort }),
    serverSoftware: options.serverSoftware ?? "edge-fpm",
    underscoresInHeaders: options.underscoresInHeaders === true,
    extra: settings.extra,
  });
}

function* withoutContentType(headers: Iterable<NameValue>): Generator<NameValue, void, undefined> {
  for (const header of headers) if (header[0].toLowerCase() !== "content-type") yield header;
}

/** What is malformed has one status when the visitor wrote it (400) and another when a script did (502). */
function blame<T>(status: 400 | 502, read: () => T): T {
  try {
    return read();
  } catch (error) {
    const { code, message } = error as { code?: unknown; message?: unknown };
    const malformed = typeof code === "string" && /^(?:CGI|GATEWAY)_/.test(code);
    if (!malformed || (status === 400 && code.startsWith("GATEWAY_"))) throw error;
    const blamed = status === 400 ? "GATEWAY_BAD_REQUEST" : "GATEWAY_BAD_OUTPUT";
    throw new GatewayError(blamed, status, String(message), { cause: error });
  }
}

/** Bytes, and not only characters of names and values: two for the colon and the space, two for the line end. */
function checkHeaders(headers: Iterable<NameValue>, limit: number): void {
  let length = 0;
  for (const [name, value] of headers) length += name.length + value.length + 4;
  if (length > limit) {
    throw new GatewayError("GATEWAY_HEADER_LIMIT", 431, `${length} bytes of request headers; ${limit} are allowed`);
  }
}

/** Scheme and host of a URL do not count against the length of a target. */
function originLength(url: string): number {
  return Math.max(0, url.indexOf("/", url.indexOf("://") + 3));
}
