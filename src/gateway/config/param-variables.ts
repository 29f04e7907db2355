// Variables by the params of a request, for what is decided when only these are known: the key of an upstream's hash.

import { cookieOf } from "./cookie.ts";
import type { Variables } from "./variables.ts";

const PARAMS: Readonly<Record<string, string>> = {
  args: "QUERY_STRING",
  content_length: "CONTENT_LENGTH",
  content_type: "CONTENT_TYPE",
  document_root: "DOCUMENT_ROOT",
  document_uri: "SCRIPT_NAME",
  fastcgi_path_info: "PATH_INFO",
  fastcgi_script_name: "SCRIPT_NAME",
  host: "HTTP_HOST",
  https: "HTTPS",
  query_string: "QUERY_STRING",
  remote_addr: "REMOTE_ADDR",
  remote_port: "REMOTE_PORT",
  remote_user: "REMOTE_USER",
  request_filename: "SCRIPT_FILENAME",
  request_method: "REQUEST_METHOD",
  request_uri: "REQUEST_URI",
  scheme: "REQUEST_SCHEME",
  server_addr: "SERVER_ADDR",
  server_name: "SERVER_NAME",
  server_port: "SERVER_PORT",
  server_protocol: "SERVER_PROTOCOL",
};

export function paramVariables(params: Iterable<readonly [string, string]>): Variables {
  const values = new Map(params);
  return (name) => {
    if (name === "uri") return values.get("REQUEST_URI")?.replace(/\?.*/, "");
    if (name.startsWith("http_")) return values.get(name.toUpperCase());
    if (name.startsWith("cookie_")) return cookieOf(values.get("HTTP_COOKIE"), name.slice(7));
    if (name.startsWith("arg_")) {
      const wanted = `${name.slice(4).toLowerCase()}=`;
      const pairs = values.get("QUERY_STRING")?.split("&") ?? [];
      return pairs.find((pair) => pair.toLowerCase().startsWith(wanted))?.slice(wanted.length);
    }
    const param = PARAMS[name];
    return param === undefined ? undefined : values.get(param);
  };
}
