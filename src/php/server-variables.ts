// What a script finds in $_SERVER, computed from the params as php-fpm does it.

import type { Pair } from "../codec/index.ts";

/**
 * The entries of `$_SERVER`, in order, as byte strings: the params, without `HTTP_PROXY` (a request header that old
 * libraries take for a proxy setting), with what php-fpm derives: `PHP_SELF` and the `PHP_AUTH_*` of an `Authorization`
 * header. A param sent twice counts as its last value.
 */
export function serverVariables(params: readonly Pair[]): Map<string, string> {
  // php-fpm puts the role it was asked to play beside the params; ours is always this one.
  const variables = new Map([["FCGI_ROLE", "RESPONDER"]]);
  for (const [name, value] of params) if (name !== "HTTP_PROXY") variables.set(name, value);
  variables.set("PHP_SELF", (variables.get("SCRIPT_NAME") ?? "") + (variables.get("PATH_INFO") ?? ""));
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
  return [
    ["PHP_AUTH_USER", decoded.slice(0, colon)],
    ["PHP_AUTH_PW", decoded.slice(colon + 1)],
  ];
}
