// The request target: where path and query begin, and which host was meant.

import { GatewayError } from "../errors.ts";

/** A request target in origin form, still encoded. */
export interface Target {
  /** Path and query. */
  readonly uri: string;
  readonly path: string;
  /** Behind the `?`; empty when there is none. */
  readonly query: string;
}

/**
 * Takes the target of a request line, or a URL, apart. The text is used as it came: `new URL` would resolve dot
 * segments and turn backslashes into slashes before anybody can refuse them.
 *
 * @throws {GatewayError} `GATEWAY_BAD_REQUEST`, `GATEWAY_URI_LIMIT`
 */
export function parseTarget(target: string, maxLength: number): Target {
  if (target.length > maxLength) {
    throw new GatewayError(
      "GATEWAY_URI_LIMIT",
      414,
      `a request target of ${target.length} bytes; ${maxLength} are allowed`,
    );
  }
  let uri = target;
  if (!uri.startsWith("/")) {
    // Absolute form (RFC 9112, section 3.2.2), as proxies get it and as `Request.url` is.
    const origin = /^https?:\/\/[^/?#\\]+/i.exec(uri);
    if (origin === null) throw badTarget("neither a path nor a URL");
    uri = uri.slice(origin[0].length);
    if (!uri.startsWith("/")) uri = `/${uri}`;
  }
  const hash = uri.indexOf("#");
  if (hash !== -1) uri = uri.slice(0, hash);
  for (let i = 0; i < uri.length; i++) {
    const byte = uri.charCodeAt(i);
    if (byte <= 0x20 || byte === 0x7f || byte > 0xff) throw badTarget(`character ${byte}`);
  }
  const question = uri.indexOf("?");
  return question === -1
    ? { uri, path: uri, query: "" }
    : { uri, path: uri.slice(0, question), query: uri.slice(question + 1) };
}

function badTarget(seen: string): GatewayError {
  return new GatewayError("GATEWAY_BAD_REQUEST", 400, `the request target is malformed: ${seen}`);
}

/** The last host that was looked at, which most often is the next one too. */
let lastHost = "localhost";
let lastName = "localhost";

/**
 * The host name of a Host header, without its port; `undefined` when there is no header.
 * @throws {GatewayError} `GATEWAY_BAD_REQUEST`: it is nothing a host can be called. Applications print it into links.
 */
export function hostName(host: string | null): string | undefined {
  if (host === null || host === "") return undefined;
  if (!isHost(host)) throw new GatewayError("GATEWAY_BAD_REQUEST", 400, "the Host header names no host");
  return lastName;
}

/**
 * Whether a text can be a Host header (RFC 9110, section 7.2): a name or address that a machine can have, and perhaps a
 * port. Stricter than the grammar, which allows quotes, at signs and percent signs: applications print it into links.
 */
export function isHost(host: string): boolean {
  if (host === lastHost) return true;
  if (!/^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]{0,5})?$/.test(host)) return false;
  if (host.includes("..") || host.charCodeAt(0) === 0x2e) return false;
  const port = /:([0-9]*)$/.exec(host);
  if (Number(port?.[1] ?? 0) > 65_535) return false;
  lastHost = host;
  lastName = port === null ? host : host.slice(0, port.index);
  return true;
}
