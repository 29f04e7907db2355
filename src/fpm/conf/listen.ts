// The addresses of `listen` and `pm.status_listen`, in php-fpm's forms.

/** Where a pool listens. `host` "::" is every address of the machine, IPv4 included. */
export type ListenAddress =
  | { readonly type: "tcp"; readonly host: string; readonly port: number }
  | { readonly type: "unix"; readonly path: string };

/** What may stand there, for errors. */
export const LISTEN_FORMS: string =
  "address:port, [IPv6 address]:port, port (every address of the machine) or the path of a Unix socket " +
  "of up to 107 bytes";

/** Most bytes of a socket's path in Linux, without its closing NUL. */
const LONGEST_PATH = 107;

/** Whether php-fpm takes the text for a path: no colon, and not digits only. */
export function isSocketPath(text: string): boolean {
  return text.startsWith("/") || (!text.includes(":") && !/^\d+$/.test(text));
}

/** Reads an address whose path is absolute already; undefined when it is none. */
export function parseListen(text: string): ListenAddress | undefined {
  if (isSocketPath(text)) {
    const fits = text.startsWith("/") && !text.includes("\0") && new TextEncoder().encode(text).length <= LONGEST_PATH;
    return fits ? { type: "unix", path: text } : undefined;
  }
  const match = /^(?:(?:\[([0-9A-Fa-f:.%\w]+)\]|([^:[\]\s]*)):)?(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65535) return undefined;
  const host = match[1] ?? match[2] ?? "";
  return { type: "tcp", host: host === "" || host === "*" ? "::" : host, port };
}
