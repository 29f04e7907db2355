// Addresses of FastCGI applications as people write them, in nginx, php-fpm and on the command line.

/** Where an application listens. */
export type Address =
  | { readonly type: "tcp"; readonly host: string; readonly port: number }
  | { readonly type: "unix"; readonly path: string };

/**
 * Reads `tcp://host:port`, `host:port`, `[::1]:9000`, `unix:/path` or the absolute path of a Unix socket. A missing
 * host (`:9000`, `9000`) is 127.0.0.1, unlike in php-fpm, where it is every address of the machine.
 *
 * @throws {TypeError} naming the text, what is wrong and the forms that are known
 */
export function parseAddress(text: string): Address {
  if (text.startsWith("unix:")) return unix(text, text.slice("unix:".length).replace(/^\/\/(?=\/)/, ""));
  if (text.startsWith("/")) return unix(text, text);
  const rest = text.startsWith("tcp://") ? text.slice("tcp://".length) : text;
  if (rest.includes("/")) throw wrong(text, "it is neither host:port nor an absolute path");

  const match = /^(?:\[([^\]]*)\]|([^:]*)):([^:]*)$/.exec(rest);
  if (match === null) {
    if (/^\d+$/.test(rest)) return { type: "tcp", host: "127.0.0.1", port: port(text, rest) };
    if (rest.split(":").length > 2) throw wrong(text, "an IPv6 address must stand in brackets");
    throw wrong(text, "the port is missing");
  }
  const [, bracketed, plain, digits = ""] = match;
  if (bracketed === "") throw wrong(text, "the brackets are empty");
  const host = bracketed ?? plain ?? "";
  if (/[\s\p{Cc}]/u.test(host)) throw wrong(text, "the host has a space or a control character");
  return { type: "tcp", host: host === "" ? "127.0.0.1" : host, port: port(text, digits) };
}

/** The address as `parseAddress` reads it back. */
export function formatAddress(address: Address): string {
  if (address.type === "unix") return `unix:${address.path}`;
  const host = address.host.includes(":") ? `[${address.host}]` : address.host;
  return `tcp://${host}:${address.port}`;
}

/** The address, read when it is text. @throws {TypeError} for text that is no address */
export function toAddress(address: string | Address): Address {
  return typeof address === "string" ? parseAddress(address) : address;
}

function unix(text: string, path: string): Address {
  if (!path.startsWith("/")) throw wrong(text, "the path of a Unix socket must be absolute");
  if (path.includes("\0")) throw wrong(text, "the path has a NUL byte");
  // Linux: sun_path holds 108 bytes with its closing NUL.
  const length = new TextEncoder().encode(path).length;
  if (length > 107) throw wrong(text, `the path is ${length} bytes long, a Unix socket allows 107`);
  return { type: "unix", path };
}

function port(text: string, digits: string): number {
  const number = Number(digits);
  if (!/^\d{1,5}$/.test(digits) || number > 65535) {
    throw wrong(text, `the port is ${JSON.stringify(digits)}, allowed are 0 to 65535`);
  }
  return number;
}

function wrong(text: string, reason: string): TypeError {
  return new TypeError(
    `${JSON.stringify(text)} is no address: ${reason}. Use tcp://127.0.0.1:9000, 127.0.0.1:9000, [::1]:9000, ` +
      "unix:/run/app.sock or /run/app.sock",
  );
}
