// One connection of PHP: an HTTP/1 server whose answers come from `fetch`.

import { type Answer, type Asker, type Destination, problem } from "./ask.ts";
import type { BytePipe } from "./byte-pipe.ts";
import { answerHead, bodyEnd, bodyPiece, CONTINUE, type Framing } from "./http-answer.ts";
import { type HttpRequest, RequestError, RequestParser } from "./http-request.ts";

/** Statuses whose answers have no body (RFC 9110, section 6.4.1). */
const WITHOUT_BODY = new Set([204, 205, 304]);

/** Serves requests, one after the other, until the client or an answer ends the connection. */
export async function serveHttp(pipe: BytePipe, to: Destination, asker: Asker, signal: AbortSignal): Promise<void> {
  const parser = new RequestParser();
  for (let open = true; open; ) {
    const bytes = await pipe.read();
    if (bytes === undefined) break;
    open = await serveBytes(bytes, { pipe, parser, to, asker, signal });
  }
  await pipe.close();
}

interface Serving {
  readonly pipe: BytePipe;
  readonly parser: RequestParser;
  readonly to: Destination;
  readonly asker: Asker;
  readonly signal: AbortSignal;
}

/** @returns whether more may come */
async function serveBytes(bytes: Uint8Array, { pipe, parser, to, asker, signal }: Serving): Promise<boolean> {
  try {
    for (const event of parser.feed(bytes)) {
      if (event.type === "continue") {
        await pipe.write(CONTINUE);
        continue;
      }
      const answer = await asker.ask(event.request, to, signal);
      if (!(await send(pipe, event.request, answer))) return false;
    }
    return true;
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    await refuse(pipe, error);
    return false;
  }
}

/** Says why a request cannot be answered. A client of another protocol has it in its own error, as what it did not expect. */
export async function refuse(pipe: BytePipe, { status, message }: RequestError): Promise<void> {
  const framing = "until-closed";
  const answer = problem(status, message, "");
  await pipe.write(answerHead(answer, framing, false));
  await sendBody(pipe, answer.body, framing);
}

/** @returns whether the connection stays open */
async function send(pipe: BytePipe, request: HttpRequest, answer: Answer): Promise<boolean> {
  const framing = framingOf(request, answer);
  const keepAlive = request.keepAlive && framing !== "until-closed";
  await pipe.write(answerHead(answer, framing, keepAlive));
  if (framing === "no-body") await answer.body?.cancel();
  else await sendBody(pipe, answer.body, framing);
  return keepAlive;
}

function framingOf({ method, minorVersion }: HttpRequest, { status }: Answer): Framing {
  if (method === "HEAD" || WITHOUT_BODY.has(status)) return "no-body";
  return minorVersion === 0 ? "until-closed" : "chunked";
}

async function sendBody(pipe: BytePipe, body: ReadableStream<Uint8Array> | null, framing: Framing): Promise<void> {
  const reader = body?.getReader();
  try {
    for (let next = await reader?.read(); next?.value !== undefined; next = await reader?.read()) {
      if (next.value.length > 0) await pipe.write(bodyPiece(next.value, framing));
    }
  } catch (error) {
    // The browser lets go of the server, too.
    reader?.cancel().catch(() => {});
    throw error;
  }
  await pipe.write(bodyEnd(framing));
}
