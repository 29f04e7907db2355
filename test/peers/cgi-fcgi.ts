// cgi-fcgi, the development kit's own FastCGI client: one request from the command line.

import { spawn } from "node:child_process";
import { addressPlain, type FastCgiAddress } from "./address.ts";
import { peerPath } from "./peer.ts";

export interface CgiFcgiRequest {
  /** Every param to send. CONTENT_LENGTH is added from `stdin`. */
  readonly params: Readonly<Record<string, string>>;
  readonly stdin?: Uint8Array;
  /** Longest wait, in milliseconds. */
  readonly timeout?: number;
}

export interface CgiFcgiResult {
  /** The CGI response: header block, empty line, body. */
  readonly stdout: Buffer;
  readonly stderr: string;
  /** cgi-fcgi exits with the application status. */
  readonly exitCode: number | null;
}

/** Sends one responder request and returns the whole answer. */
export function cgiFcgi(address: FastCgiAddress, request: CgiFcgiRequest): Promise<CgiFcgiResult> {
  const stdin = request.stdin ?? new Uint8Array(0);
  return new Promise((resolve, reject) => {
    const child = spawn(peerPath("cgi-fcgi"), ["-bind", "-connect", addressPlain(address)], {
      // The params are the program's whole environment.
      env: { ...request.params, CONTENT_LENGTH: String(stdin.length) },
      stdio: ["pipe", "pipe", "pipe"],
      timeout: request.timeout ?? 20_000,
      killSignal: "SIGKILL",
    });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
    // The application may answer and leave before it has read everything.
    child.stdin.on("error", () => undefined);
    child.once("error", reject);
    child.once("close", (exitCode) => {
      resolve({ stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString(), exitCode });
    });
    child.stdin.end(stdin);
  });
}

/** The params that php-fpm needs to run `script` (a path below `root`, with its leading slash). */
export function scriptParams(
  root: string,
  script: string,
  extra: Readonly<Record<string, string>> = {},
): Record<string, string> {
  return {
    GATEWAY_INTERFACE: "CGI/1.1",
    SERVER_PROTOCOL: "HTTP/1.1",
    SERVER_SOFTWARE: "cgi-fcgi",
    SERVER_NAME: "localhost",
    SERVER_PORT: "80",
    REMOTE_ADDR: "127.0.0.1",
    REMOTE_PORT: "40000",
    REQUEST_METHOD: "GET",
    QUERY_STRING: "",
    REQUEST_URI: script,
    DOCUMENT_URI: script,
    DOCUMENT_ROOT: root,
    SCRIPT_NAME: script,
    SCRIPT_FILENAME: root + script,
    ...extra,
  };
}
