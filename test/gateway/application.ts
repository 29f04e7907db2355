// A scripted application for the gateway's tests: it does what a well-behaved one never would.

import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { onTestFinished } from "vitest";
import { createGateway, type GatewayOptions } from "../../src/gateway/index.ts";
import { nodeFiles } from "../../src/platform/node/files.ts";
import type { Exchange, ExchangeEnd } from "../../src/transport/exchange.ts";

/** What a script sees and can do. */
export interface Visit {
  readonly params: Record<string, string>;
  readonly signal: AbortSignal;
  /** Reads STDIN to its end. */
  stdin(): Promise<Uint8Array>;
  /** STDIN as it comes. */
  readonly stdinChunks: AsyncIterable<Uint8Array>;
  /** Sends STDOUT; the bytes are overwritten afterwards, as an exchange may do. */
  out(text: string | Uint8Array): Promise<void>;
  err(text: string): Promise<void>;
}

export type Script = (visit: Visit) => Promise<undefined | Partial<ExchangeEnd>>;

export const encode = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0));
export const decode = (bytes: Uint8Array) => Buffer.from(bytes).toString("latin1");

/** An exchange that runs `script`; rejects with the signal's reason once aborted, as the contract says. */
export function exchangeOf(script: Script): Exchange {
  return (request, sink, signal) =>
    new Promise((resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason));
      const { stdin } = request;
      const chunks = stdin instanceof Uint8Array ? once(stdin) : (stdin ?? once(new Uint8Array(0)));
      const send = async (write: (chunk: Uint8Array) => void | Promise<void>, text: string | Uint8Array) => {
        // Output after an abort is dropped, and a script that goes on for ever would never let anybody else run.
        signal.throwIfAborted();
        const chunk = typeof text === "string" ? encode(text) : text.slice();
        await write(chunk);
        chunk.fill(0x58);
      };
      script({
        params: Object.fromEntries(request.params),
        signal,
        stdinChunks: chunks,
        async stdin() {
          const parts: Uint8Array[] = [];
          for await (const chunk of chunks) parts.push(chunk.slice());
          return Buffer.concat(parts);
        },
        out: (text) => send((chunk) => sink.stdout(chunk), text),
        err: (text) => send((chunk) => sink.stderr(chunk), text),
      }).then((end) => resolve({ applicationStatus: 0, protocolStatus: "request-complete", ...end }), reject);
    });
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** A document root with these files, removed after the test. A name that ends in a slash is a folder. */
export async function documentRoot(files: Record<string, string | Uint8Array>): Promise<string> {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "edge-fpm-gateway-")));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  for (const [name, content] of Object.entries(files)) {
    const path = join(root, name);
    await mkdir(name.endsWith("/") ? path : dirname(path), { recursive: true });
    if (!name.endsWith("/")) await writeFile(path, content);
  }
  return root;
}

export interface Failure {
  readonly code: unknown;
  readonly status: number;
  readonly message: string;
}

/** A gateway over a document root with `index.php`, and what it reported. */
export async function gatewayOf(
  script: Script,
  options: Partial<GatewayOptions> & { readonly tree?: Record<string, string | Uint8Array> } = {},
) {
  const { tree, ...more } = options;
  const root = await documentRoot({ "index.php": "<?php // SECRET", ...tree });
  const failures: Failure[] = [];
  const stderr: string[] = [];
  const gateway = createGateway({
    documentRoot: root,
    files: nodeFiles(root),
    exchange: exchangeOf(script),
    onError: (error, _request, status) => {
      const { code, message } = (error ?? {}) as { code?: unknown; message: string };
      failures.push({ code, status, message });
    },
    onStderr: (line) => stderr.push(line),
    ...more,
  });
  const get = (path: string, init?: RequestInit) => gateway(new Request(`http://example.test${path}`, init));
  return { root, gateway, get, failures, stderr };
}

/** The page of a script that says hello. */
export const hello: Script = async (visit) => {
  await visit.out("Content-Type: text/plain\r\n\r\nhello");
  return undefined;
};

/** Answers with the params as JSON. */
export const echoParams: Script = async (visit) => {
  await visit.out(`Content-Type: application/json\r\n\r\n${JSON.stringify(visit.params)}`);
  return undefined;
};
