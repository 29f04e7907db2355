// A child: the FastCGI application on one byte stream from the master, in front of the isolate's interpreter. A stream
// is a child's life: when it ends, the next one starts with an interpreter in its first state.

import type { Pair } from "../../codec/index.ts";
import { FileError, type SendToStore } from "../../fs/index.ts";
import type { PhpHost } from "../../php/host.ts";
import type { MailService } from "../../php/mail-service.ts";
import { Responder, type ResponderRequest } from "../../php/responder.ts";
import { ApplicationLink } from "../../transport/application-link.ts";
import type { ApplicationRequest } from "../../transport/application-request.ts";
import type { Transport } from "../../transport/transport.ts";
import { CHILD_FAILED, CHILD_READY, FILES_STATE } from "./child-wire.ts";
import type { ResidentInterpreter } from "./interpreter.ts";

/** What a child at the edge is told beside its interpreter. */
export interface ChildOptions {
  /** Names the child in the log: "pool www, child 0". */
  readonly name: string;
  /** Data of `fpm_get_status()`. */
  readonly poolStatus?: () => Promise<object | undefined>;
  readonly log?: (line: string) => void;
  /** Carries messages to the pool's files. */
  readonly files: SendToStore;
  /** Takes the mails of scripts. */
  readonly mail?: MailService;
}

/**
 * Serves the stream until it ends. Never rejects: what goes wrong is told to the master in band, and ends the stream.
 *
 * A new stream is a new life, whatever became of the one before: the runtime does not always tell that it has ended, and
 * a script that the master gave up may wait in it. The interpreter's next start abandons that script.
 */
export async function serveChild(
  transport: Transport,
  interpreter: ResidentInterpreter,
  options: ChildOptions,
): Promise<void> {
  const log = options.log ?? ((line) => console.error(`[${options.name}] ${line}`));
  const { files } = interpreter;
  let host: PhpHost;
  let announcement: Pair;
  try {
    const { poolStatus, mail } = options;
    // Whatever the life before left open is closed for it, and counts for nothing.
    files.detach();
    const started = await interpreter.start({ ...(poolStatus && { poolStatus }), ...(mail && { mail }) });
    host = started.host;
    await files.attach(options.files, options.name);
    announcement = [CHILD_READY, JSON.stringify(started.start)];
  } catch (error) {
    const message = describe(error);
    log(message);
    const link = new ApplicationLink(transport, () => Promise.reject(error), { limits: PATIENT });
    link.announce([[CHILD_FAILED, message.slice(0, 1000)]]);
    link.close();
    return link.closed;
  }
  const responder = new Responder(host, { maxBodyLength: MOST_BODY, announce: (values) => link.announce(values) });
  const link: ApplicationLink = new ApplicationLink(
    withoutHalves(transport),
    async (request) => {
      const ended = interpreter.begin(lengthOf(request));
      try {
        const { params, state } = withoutState(request.params);
        await files.begin(state);
        const end = await responder.respond(logged(request, params, (line) => log(`${nameOf(request)}: ${line}`)));
        await files.settle();
        // After `fastcgi_finish_request` the script goes on.
        void responder.idle().then(async () => {
          ended();
          await files.rest().catch(() => link.reset());
        });
        return end;
      } catch (error) {
        log(`${nameOf(request)}: ${describe(error)}`);
        // What was sent is no whole answer, and the master must see that: an end without END_REQUEST.
        if (!host.usable || error instanceof FileError) link.reset();
        throw error;
      }
    },
    { limits: PATIENT, connection: { roles: ["responder", "authorizer"] } },
  );
  link.announce([announcement]);
  await link.closed;
}

/** The master never ends one direction only: an end is the end, also of what runs. */
function withoutHalves(transport: Transport): Transport {
  return {
    start: (handler) =>
      transport.start({
        ...handler,
        onEnd(error) {
          handler.onEnd(error);
          if (error === undefined) handler.onGone?.();
        },
      }),
    write: (chunks) => transport.write(chunks),
    close: () => transport.close(),
    reset: () => transport.reset(),
  };
}

/** The master is no stranger: it may leave the link idle for as long as it likes. */
const PATIENT = { idleTimeout: 0, receiveTimeout: 0, sendTimeout: 0 };

/** Most bytes of a request body: more than PHP's own `post_max_size`, so that PHP's answer to a long one comes first. */
const MOST_BODY = 20 * 1024 * 1024;

/** Bytes of the body, as declared. */
function lengthOf({ params }: ApplicationRequest): number {
  const length = Number(params.findLast(([name]) => name === "CONTENT_LENGTH")?.[1] ?? 0);
  return Number.isFinite(length) ? Math.min(length, MOST_BODY) : 0;
}

/** The params for PHP, and what the master told beside them. */
function withoutState(params: readonly Pair[]): { params: readonly Pair[]; state: number | undefined } {
  const state = params.findLast(([name]) => name === FILES_STATE)?.[1];
  if (state === undefined) return { params, state };
  return { params: params.filter(([name]) => name !== FILES_STATE), state: Number(state) };
}

/** `request <id> GET /path`: the id is the one that the gateway or a web server gave it. */
function nameOf({ params }: ApplicationRequest): string {
  const values = new Map(params);
  const id = values.get("HTTP_X_REQUEST_ID") ?? values.get("HTTP_CF_RAY");
  const line = `${values.get("REQUEST_METHOD") ?? "-"} ${values.get("REQUEST_URI") ?? values.get("SCRIPT_NAME") ?? "-"}`;
  return `request ${id === undefined ? "" : `${printable(id)} `}${printable(line)}`;
}

/** The request, with what the script writes to STDERR and to PHP's error log told to the Worker's log as well. */
function logged(request: ApplicationRequest, params: readonly Pair[], log: (line: string) => void): ResponderRequest {
  const { role, stdin, signal } = request;
  const decoder = new TextDecoder();
  return {
    role,
    params,
    stdin,
    signal,
    stdout: (chunk, more) => request.stdout(chunk, more),
    stderr(chunk, more) {
      const text = decoder
        .decode(chunk)
        .replace(/^; (?=PHP message: )/, "")
        .trimEnd();
      if (text !== "") log(text);
      return request.stderr(chunk, more);
    },
  };
}

function printable(text: string): string {
  return text.slice(0, 200).replace(/[^ -~]/g, ".");
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
