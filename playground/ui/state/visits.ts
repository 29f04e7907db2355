// Requests that were sent, and what came back, as it comes.

import { batch, signal } from "@preact/signals";
import { concat } from "../../../src/codec/index.ts";
import type { EngineResponse, RequestEnd, RequestInput } from "../../engine/index.ts";
import { fromBase64 } from "./base64.ts";
import { engine } from "./engine.ts";
import type { RequestDraft } from "./workspace.ts";

/** Requests kept in the list, and bytes of one answer's body that are shown. */
const MAX_VISITS = 50;
const MAX_BODY = 4 * 1024 * 1024;

export interface Visit {
  /** Counts from 1. */
  readonly id: number;
  readonly input: RequestInput;
  readonly state: "waiting" | "receiving" | "done" | "failed";
  readonly response?: Pick<EngineResponse, "request" | "status" | "statusText" | "headers">;
  readonly body: Uint8Array;
  /** The body was longer than what is kept. */
  readonly cut: boolean;
  readonly end?: RequestEnd;
  /** Why there is no answer, or none to its end. */
  readonly error?: string;
}

/** The newest first. */
export const visits = signal<readonly Visit[]>([]);
/** The one that is shown. */
export const shownVisit = signal<number | undefined>(undefined);
/** Cookies that answers have set, by name. */
export const cookies = signal<ReadonlyMap<string, string>>(new Map());

const running = new Map<number, AbortController>();
let lastId = 0;

/** Sends a request. Settles when it is over, however it ended. */
export async function send(draft: RequestDraft): Promise<Visit> {
  lastId += 1;
  const id = lastId;
  const input = inputOf(draft);
  batch(() => {
    visits.value = [
      { id, input, state: "waiting" as const, body: new Uint8Array(0), cut: false },
      ...visits.value.slice(0, MAX_VISITS - 1),
    ];
    shownVisit.value = id;
  });
  const abort = new AbortController();
  running.set(id, abort);
  try {
    const response = await engine.request(input, { signal: abort.signal });
    const { request, status, statusText, headers } = response;
    if (draft.cookies) keepCookies(headers);
    change(id, { state: "receiving", response: { request, status, statusText, headers } });
    await receive(id, response.body);
    const end = await response.end;
    change(id, { state: end.error === undefined ? "done" : "failed", end, ...failed(end.error?.message) });
  } catch (error) {
    const end = undefined;
    change(id, { state: "failed", ...failed(abort.signal.aborted ? "stopped" : messageOf(error)), end });
  } finally {
    running.delete(id);
  }
  return visits.value.find((visit) => visit.id === id) as Visit;
}

/** The "Stop" button: an ABORT_REQUEST on the wire. */
export function stop(id: number): void {
  running.get(id)?.abort(new Error("stopped"));
}

async function receive(id: number, body: ReadableStream<Uint8Array>): Promise<void> {
  for await (const chunk of body) {
    const visit = visits.peek().find((one) => one.id === id);
    if (visit === undefined || visit.cut) continue;
    const room = MAX_BODY - visit.body.length;
    const longer = new Uint8Array(visit.body.length + Math.min(room, chunk.length));
    longer.set(visit.body);
    longer.set(chunk.subarray(0, room), visit.body.length);
    change(id, { body: longer, cut: chunk.length > room });
  }
}

function change(id: number, fields: { [K in keyof Visit]?: Visit[K] | undefined }): void {
  visits.value = visits.value.map((visit) => (visit.id === id ? ({ ...visit, ...fields } as Visit) : visit));
}

function failed(error: string | undefined): { error?: string } {
  return error === undefined ? {} : { error };
}

function keepCookies(headers: EngineResponse["headers"]): void {
  const jar = new Map(cookies.value);
  for (const [name, value] of headers) {
    if (name.toLowerCase() !== "set-cookie") continue;
    const pair = value.split(";", 1)[0] ?? "";
    const equals = pair.indexOf("=");
    if (equals < 1) continue;
    const expired = /;\s*max-age=0*(?:;|$)|;\s*expires=[^;]*\b1970\b/i.test(value);
    if (expired) jar.delete(pair.slice(0, equals));
    else jar.set(pair.slice(0, equals), pair.slice(equals + 1));
  }
  cookies.value = jar;
}

/** The request as the web server gets it. */
export function inputOf(draft: RequestDraft): RequestInput {
  const headers: [string, string][] = draft.headers
    .filter(([name]) => name.trim() !== "")
    .map(([name, value]) => [name.trim(), value]);
  const has = (wanted: string) => headers.some(([name]) => name.toLowerCase() === wanted);
  if (!has("host")) headers.unshift(["Host", "playground.test"]);
  if (draft.cookies && cookies.value.size > 0 && !has("cookie")) {
    headers.push(["Cookie", [...cookies.value].map(([name, value]) => `${name}=${value}`).join("; ")]);
  }
  const body = bodyOf(draft);
  if (body !== undefined && !has("content-type")) headers.push(["Content-Type", body.type]);
  return {
    method: draft.method,
    url: draft.url,
    headers,
    connections: draft.connections,
    ...(body !== undefined && { body: body.bytes }),
  };
}

function bodyOf({ body }: RequestDraft): { type: string; bytes: Uint8Array } | undefined {
  const encoder = new TextEncoder();
  switch (body.kind) {
    case "none":
      return undefined;
    case "text":
      return { type: body.type, bytes: encoder.encode(body.text) };
    case "form": {
      if (!body.multipart && body.parts.every(({ file }) => file === undefined)) {
        const text = new URLSearchParams(body.parts.map(({ name, value }) => [name, value])).toString();
        return { type: "application/x-www-form-urlencoded", bytes: encoder.encode(text) };
      }
      const boundary = "----edge-fpm-playground";
      const pieces = body.parts.flatMap(({ name, value, file }) => {
        const head = `--${boundary}\r\nContent-Disposition: form-data; name="${quoted(name)}"`;
        if (file === undefined) return [encoder.encode(`${head}\r\n\r\n${value}\r\n`)];
        const more = `; filename="${quoted(file.name)}"\r\nContent-Type: ${file.type}\r\n\r\n`;
        return [encoder.encode(head + more), fromBase64(file.content), encoder.encode("\r\n")];
      });
      return {
        type: `multipart/form-data; boundary=${boundary}`,
        bytes: concat([...pieces, encoder.encode(`--${boundary}--\r\n`)]),
      };
    }
  }
}

/** As browsers do it in the headers of parts. */
function quoted(name: string): string {
  return name.replaceAll('"', "%22").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
}

/** What was thrown, as text. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
