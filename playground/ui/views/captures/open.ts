// The capture that is open, and what is chosen in it.

import { batch, computed, signal } from "@preact/signals";
import type { Capture } from "../../../../src/capture/capture.ts";
import { CaptureError } from "../../../../src/capture/errors.ts";
import { type CapturedAndFollowed, type FollowedRequest, followCapture } from "../../../../src/capture/follow.ts";
import { readCapture } from "../../../../src/capture/read.ts";
import { engine } from "../../state/engine.ts";
import { captureOfWire, type HopChoice } from "./wire-capture.ts";

/** Largest file that is opened, in bytes: the page reads it in one go. */
const MAX_FILE = 64 * 1024 * 1024;

export interface OpenCapture {
  readonly name: string;
  readonly capture: Capture;
  readonly connections: readonly CapturedAndFollowed[];
}

export const opened = signal<OpenCapture | undefined>(undefined);
export const problem = signal<string | undefined>(undefined);

/** `number` of the request that is shown; `undefined`: all records of the connection. */
export const chosenRequest = signal<number | undefined>(undefined);
/** `id` of the connection. */
export const chosenConnection = signal(1);
/** Index of the item. */
export const chosenItem = signal<number | undefined>(undefined);

export const connection = computed(() =>
  opened.value?.connections.find(({ connection: { id } }) => id === chosenConnection.value),
);

/** The items that are listed: those of the request, or all of the connection. */
export const items = computed(() => {
  const all = connection.value?.items ?? [];
  const request = chosenRequest.value;
  return request === undefined ? all : all.filter((item) => item.request === request);
});

export const item = computed(() => connection.value?.items.find(({ index }) => index === chosenItem.value));

/** Samples that the project's own tests read: real web servers in front of a real php-fpm. */
export const SAMPLES = [
  {
    name: "nginx.pcapng",
    about: "nginx, a connection for each request",
    url: new URL("../../../../test/wire/nginx.pcapng", import.meta.url).href,
  },
  {
    name: "nginx-keep.pcapng",
    about: "nginx with fastcgi_keep_conn: several requests on a connection",
    url: new URL("../../../../test/wire/nginx-keep.pcapng", import.meta.url).href,
  },
  {
    name: "apache.pcapng",
    about: "Apache httpd with mod_proxy_fcgi",
    url: new URL("../../../../test/wire/apache.pcapng", import.meta.url).href,
  },
] as const;

/** A GET_VALUES record as a hex dump, to begin with. */
export const HEX_SAMPLE = `0000  01 09 00 00 00 11 07 00  0f 00 46 43 47 49 5f 4d
0010  50 58 53 5f 43 4f 4e 4e  53 00 00 00 00 00 00 00
`;

/** Opens bytes of any format that is read. What is wrong with them is told in `problem`. */
export function openBytes(name: string, bytes: Uint8Array): void {
  if (bytes.length > MAX_FILE) {
    problem.value = `${name} has ${bytes.length.toLocaleString("en")} bytes; at most ${MAX_FILE.toLocaleString("en")} are read here. Cut it with editcap, or use edge-fpm decode.`;
    return;
  }
  try {
    show(name, readCapture(bytes));
  } catch (error) {
    if (!(error instanceof CaptureError)) throw error;
    problem.value = `${name}: ${error.message} (${error.code})`;
  }
}

export async function openFile(file: File): Promise<void> {
  openBytes(file.name, new Uint8Array(await file.arrayBuffer()));
}

export async function openSample({ name, url }: (typeof SAMPLES)[number]): Promise<void> {
  try {
    const response = await fetch(url);
    if (!response.ok) throw new Error(`${response.status}`);
    openBytes(name, new Uint8Array(await response.arrayBuffer()));
  } catch (error) {
    problem.value = `${name} could not be loaded: ${error instanceof Error ? error.message : error}`;
  }
}

/** What passed in the page. */
export function openWire(hop: HopChoice): void {
  const capture = captureOfWire(engine.wire.events, (number) => engine.wire.connection(number), hop);
  show("the wire of this page", capture);
}

function show(name: string, capture: Capture): void {
  const connections = followCapture(capture);
  batch(() => {
    problem.value = undefined;
    opened.value = { name, capture, connections };
    const first = connections.find(({ requests }) => requests.length > 0) ?? connections[0];
    chosenConnection.value = first?.connection.id ?? 1;
    chosenRequest.value = first?.requests[0]?.number;
    chosenItem.value = items.value[0]?.index;
  });
}

export function chooseRequest(connectionId: number, number: number | undefined): void {
  batch(() => {
    chosenConnection.value = connectionId;
    chosenRequest.value = number;
    chosenItem.value = items.value[0]?.index;
  });
}

/** A param of a request, or an empty text. */
export function paramOf({ params }: FollowedRequest, name: string): string {
  return params.findLast(([key]) => key === name)?.[1] ?? "";
}

/** The status that the web server sends on: CGI's `Status`, else 200; `undefined` when nothing came back. */
export function statusOf({ stdout }: FollowedRequest): string | undefined {
  if (stdout.length === 0) return undefined;
  const head = new TextDecoder("latin1").decode(stdout.content.subarray(0, 8192)).split(/\r?\n\r?\n/, 1)[0] ?? "";
  return /^Status:\s*(\d{3})/im.exec(head)?.[1] ?? "200";
}
