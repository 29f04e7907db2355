// FastCGI addresses as this project and its peers write them.

export type FastCgiAddress =
  | { readonly kind: "tcp"; readonly port: number }
  | { readonly kind: "unix"; readonly path: string };

/** `tcp://127.0.0.1:9000` or `unix:/path`, as `edge-fpm serve --upstream` takes it. */
export function addressUrl(address: FastCgiAddress): string {
  return address.kind === "tcp" ? `tcp://127.0.0.1:${address.port}` : `unix:${address.path}`;
}

/** `127.0.0.1:9000` or `/path`, as php-fpm's `listen`, cgi-fcgi and `edge-fpm fpm --listen` take it. */
export function addressPlain(address: FastCgiAddress): string {
  return address.kind === "tcp" ? `127.0.0.1:${address.port}` : address.path;
}

/** Reads what `addressUrl` writes. Throws for anything else. */
export function parseAddress(text: string): FastCgiAddress {
  const port = /^tcp:\/\/127\.0\.0\.1:(\d+)$/.exec(text)?.[1];
  if (port !== undefined) return { kind: "tcp", port: Number(port) };
  const path = /^unix:(\/.+)$/.exec(text)?.[1];
  if (path !== undefined) return { kind: "unix", path };
  throw new Error(`not a FastCGI address: ${text}`);
}
