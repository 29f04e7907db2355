// The variables that a template may name. The names are nginx's.

/**
 * Looks a variable up, by its name without the dollar: `uri`, `http_accept`, `1`. A byte string; `undefined` when the
 * request has none, which reads as empty text. Asked only for what a template names.
 */
export type Variables = (name: string) => string | undefined;

/** Variables with one name each. Those of the access log are its own: `observe/log-variables.ts`. */
export const VARIABLES: ReadonlySet<string> = new Set([
  "args",
  "content_length",
  "content_type",
  "document_root",
  "document_uri",
  "fastcgi_path_info",
  "fastcgi_script_name",
  "host",
  "http_host",
  "https",
  "is_args",
  "query_string",
  "remote_addr",
  "remote_port",
  "remote_user",
  "request_filename",
  "request_id",
  "request_method",
  "request_uri",
  "scheme",
  "server_addr",
  "server_name",
  "server_port",
  "server_protocol",
  "status",
  "upstream_cache_status",
  "upstream_status",
  "uri",
]);

/** Families: the rest of the name says which query argument, request header, cookie, or response header. */
export const VARIABLE_PREFIXES: readonly string[] = ["arg_", "http_", "cookie_", "sent_http_", "upstream_http_"];

/** @param captures names of captures that the template may use; `1` to `9` always */
export function isVariable(name: string, captures: ReadonlySet<string>): boolean {
  // Several names at once are for cookies only.
  if (name.endsWith("*") && !name.startsWith("cookie_")) return false;
  return (
    VARIABLES.has(name) ||
    /^[1-9]$/.test(name) ||
    captures.has(name) ||
    VARIABLE_PREFIXES.some((prefix) => name.length > prefix.length && name.startsWith(prefix))
  );
}
