// One run of a job: its script as a request that nobody sent over HTTP, through the same exchange as those of visitors.

import { CgiHeadParser, decodePath, metaVariables, type NameValue } from "../cgi/index.ts";
import type { Exchange } from "../transport/exchange.ts";
import type { CronJob, CronOutcome } from "./job.ts";

/** How much of a run's output is kept, in bytes and in lines. */
const MOST_OUTPUT = 1000;
const MOST_LINES = 5;

/** The program's name and version, as in SERVER_SOFTWARE and User-Agent. */
export interface CronRunner {
  readonly software: string;
}

/**
 * Runs a job's script. Settles when it has ended, or its timeout has come; never rejects.
 *
 * @param signal ends the run before its time
 */
export async function runCronJob(
  job: CronJob,
  exchange: Exchange,
  { software }: CronRunner,
  signal?: AbortSignal,
): Promise<CronOutcome> {
  // Not `AbortSignal.timeout`: a timer that is left behind keeps an object at the edge from being put away.
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(new DOMException("the job's time is over", "TimeoutError")), job.timeout);
  const timeout = late.signal;
  const ended = signal === undefined ? timeout : AbortSignal.any([timeout, signal]);
  const head = new CgiHeadParser();
  const output = new FirstLines();
  let inBody = false;
  const stdout = (chunk: Uint8Array) => {
    if (inBody) return output.add(chunk);
    const body = head.push(chunk);
    if (body === undefined) return;
    inBody = true;
    output.add(body);
  };
  const said = () => output.text();
  try {
    const request = { role: "responder", params: cronParams(job, software) } as const;
    const running = exchange(request, { stdout, stderr: (chunk) => output.add(chunk) }, ended);
    const { applicationStatus, protocolStatus } = await Promise.race([running, whenAborted(ended)]);
    const status = head.head?.status;
    const good = protocolStatus === "request-complete" && applicationStatus === 0 && (status ?? 500) < 400;
    return { result: good ? "ok" : "failed", ...(status !== undefined && { status }), output: said() };
  } catch (error) {
    const status = head.head?.status;
    if (timeout.aborted) {
      output.note(`ended after ${job.timeout} ms`);
      return { result: "timeout", ...(status !== undefined && { status }), output: said() };
    }
    const { code } = error as { code?: unknown };
    const message = error instanceof Error ? error.message : String(error);
    output.note(typeof code === "string" ? `${code}: ${message}` : message);
    return { result: "failed", ...(status !== undefined && { status }), output: said() };
  } finally {
    clearTimeout(timer);
  }
}

/** An exchange may need a moment to give up: the run is over all the same. */
function whenAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

/** The params of a request from this machine to the job's site. */
function cronParams(job: CronJob, software: string): NameValue[] {
  const question = job.script.indexOf("?");
  const path = question < 0 ? job.script : job.script.slice(0, question);
  const scriptName = decodePath(path);
  return metaVariables({
    method: "GET",
    requestUri: job.script,
    queryString: question < 0 ? "" : job.script.slice(question + 1),
    script: { scriptName, pathInfo: "", scriptFilename: utf8(job.documentRoot) + scriptName },
    documentRoot: utf8(job.documentRoot),
    headers: [
      ["Host", job.serverName],
      ["User-Agent", `${software} cron`],
    ],
    scheme: job.scheme,
    serverName: job.serverName,
    serverAddress: "127.0.0.1",
    serverPort: job.scheme === "https" ? 443 : 80,
    remoteAddress: "127.0.0.1",
    serverSoftware: software,
    extra: [["EDGE_FPM_CRON", job.name]],
  });
}

function utf8(text: string): string {
  let bytes = "";
  for (const byte of new TextEncoder().encode(text)) bytes += String.fromCharCode(byte);
  return bytes;
}

/** The beginning of what a script says. */
class FirstLines {
  readonly #decoder = new TextDecoder();
  #text = "";

  add(chunk: Uint8Array): void {
    if (this.#text.length < MOST_OUTPUT)
      this.#text += this.#decoder.decode(chunk.subarray(0, MOST_OUTPUT), { stream: true });
  }

  note(text: string): void {
    this.#text = this.#text === "" ? text : `${text}\n${this.#text}`;
  }

  text(): string {
    const lines = this.#text.split(/\r?\n/).map((line) => line.trimEnd());
    return lines
      .filter((line) => line !== "")
      .slice(0, MOST_LINES)
      .join("\n")
      .slice(0, MOST_OUTPUT)
      .replace(/[\p{Cc}]/gu, (char) => (char === "\n" ? char : " "));
  }
}
