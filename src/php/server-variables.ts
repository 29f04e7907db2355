// What a script finds in $_SERVER, computed from the params as php-fpm does it.

import type { Pair } from "../codec/index.ts";

/**
 * The entries of `$_SERVER`, in order, as byte strings: the params, without `HTTP_PROXY` (a request header that old
 * libraries take for a proxy setting), with what php-fpm derives: `PHP_SELF` and the `PHP_AUTH_*` of an `Authorization`
 * header. A param sent twice counts as its last value.
 *
 * @param self PHP_SELF, when it is not SCRIPT_NAME and PATH_INFO
 */
export function serverVariables(params: readonly Pair[], self?: string): Map<string, string> {
  // php-fpm puts the role it was asked to play beside the params. For another one the responder adds it.
  const variables = new Map([["FCGI_ROLE", "RESPONDER"]]);
  for (const [name, value] of params) if (name !== "HTTP_PROXY") variables.set(name, value);
  variables.set("PHP_SELF", self ?? (variables.get("SCRIPT_NAME") ?? "") + (variables.get("PATH_INFO") ?? ""));
  for (const [name, value] of credentials(variables.get("HTTP_AUTHORIZATION"))) variables.set(name, value);
  return variables;
}

/** `PHP_AUTH_USER` and `PHP_AUTH_PW`, or `PHP_AUTH_DIGEST`, of an `Authorization` header (php-src main/main.c). */
function credentials(authorization: string | undefined): readonly Pair[] {
  if (authorization === undefined) return [];
  if (/^digest /i.test(authorization)) return [["PHP_AUTH_DIGEST", authorization.slice("Digest ".length)]];
  if (!/^basic /i.test(authorization)) return [];
  let decoded: string;
  try {
    decoded = atob(authorization.slice("Basic ".length).trim());
  } catch {
    return [];
  }
  const colon = decoded.indexOf(":");
  if (colon < 0) return [];
  const password = decoded.slice(colon + 1);
  const user: Pair = ["PHP_AUTH_USER", decoded.slice(0, colon)];
  return password === "" ? [user] : [user, ["PHP_AUTH_PW", password]];
}

/** What the SAPI of @php-wasm puts into $_SERVER by itself, sent or not; and what tells OpenSSL its file. */
const INVENTED = [
  "SCRIPT_NAME",
  "SCRIPT_FILENAME",
  "REQUEST_METHOD",
  "QUERY_STRING",
  "SERVER_PORT",
  "SERVER_SOFTWARE",
  "USE_ZEND_ALLOC",
  "OPENSSL_CONF",
];

/** The names that the prepended file must take out of $_SERVER again. */
export function inventedVariables(variables: ReadonlyMap<string, string>): string {
  return INVENTED.filter((name) => !variables.has(name)).join(" ");
}
