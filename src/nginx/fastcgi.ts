// `fastcgi_*` of a location.

import type { FastCgi } from "../gateway/config/location.ts";
import { conditionOf } from "./conditions.ts";
import type { Directive } from "./parse.ts";
import { toRegExp } from "./regex.ts";
import type { Scope } from "./scope.ts";
import { sizeOf } from "./units.ts";
import { type Place, setOf, templateOf } from "./variables.ts";

type Draft = { -readonly [K in keyof FastCgi]: FastCgi[K] };
type Params = Record<string, string | { value: string; ifNotEmpty: true }>;

/** Params that say what the gateway says itself, by name: the usual `fastcgi_params`. */
const USUAL: Readonly<Record<string, readonly string[]>> = {
  SCRIPT_FILENAME: ["$document_root$fastcgi_script_name", "$document_root/$fastcgi_script_name", "$request_filename"],
  SCRIPT_NAME: ["$fastcgi_script_name"],
  PATH_INFO: ["$fastcgi_path_info"],
  PATH_TRANSLATED: ["$document_root$fastcgi_path_info"],
  QUERY_STRING: ["$query_string", "$args"],
  REQUEST_METHOD: ["$request_method"],
  CONTENT_TYPE: ["$content_type"],
  CONTENT_LENGTH: ["$content_length"],
  REQUEST_URI: ["$request_uri"],
  DOCUMENT_URI: ["$document_uri", "$uri"],
  DOCUMENT_ROOT: ["$document_root"],
  SERVER_PROTOCOL: ["$server_protocol"],
  REQUEST_SCHEME: ["$scheme"],
  GATEWAY_INTERFACE: ["CGI/1.1"],
  SERVER_SOFTWARE: ["nginx/$nginx_version", "nginx"],
  REMOTE_ADDR: ["$remote_addr"],
  REMOTE_PORT: ["$remote_port"],
  REMOTE_USER: ["$remote_user"],
  SERVER_ADDR: ["$server_addr"],
  SERVER_PORT: ["$server_port"],
  SERVER_NAME: ["$server_name"],
  HTTPS: ["$https"],
  REDIRECT_STATUS: ["200"],
  // Never passed on (httpoxy).
  HTTP_PROXY: [""],
};

/** Switches by their names here. */
const FLAGS = {
  buffering: ["fastcgi_buffering", true],
  requestBuffering: ["fastcgi_request_buffering", true],
  passRequestHeaders: ["fastcgi_pass_request_headers", true],
  passRequestBody: ["fastcgi_pass_request_body", true],
  interceptErrors: ["fastcgi_intercept_errors", false],
  ignoreClientAbort: ["fastcgi_ignore_client_abort", false],
  forceRanges: ["fastcgi_force_ranges", false],
} as const;

const LISTS = {
  hideHeaders: "fastcgi_hide_header",
  passHeaders: "fastcgi_pass_header",
  catchStderr: "fastcgi_catch_stderr",
} as const;

/** @param pass name or address */
export function fastCgiOf(pass: string, place: Place): FastCgi {
  const { scope } = place;
  const draft: Draft = { pass };
  const split = scope.one("fastcgi_split_path_info");
  if (split !== undefined) {
    const regex = toRegExp(split.args[0] ?? "", false);
    if (typeof regex === "string") scope.report.leave("unsupported", split, regex);
    else draft.splitPathInfo = regex;
  }
  const index = scope.one("fastcgi_index");
  if (index?.args[0]?.startsWith("/") === true) scope.report.leave("unsupported", index, "a file's name has no slash");
  else if (index?.args[0] !== undefined) draft.index = index.args[0];

  // `if (!-f $document_root$fastcgi_script_name) { return 404; }`: that the script exists is looked at anyway.
  for (const one of scope.directives.filter(({ name }) => name === "if")) {
    const condition = conditionOf(one).join(" ");
    const [inner] = one.block ?? [];
    if (/^!-f \$(?:document_root\$fastcgi_script_name|request_filename)$/.test(condition) && inner?.args[0] === "404") {
      scope.report.take(one);
    }
  }
  const params = paramsOf(draft, place);
  if (Object.keys(params).length > 0) draft.params = params;
  for (const [key, [name, otherwise]] of Object.entries(FLAGS)) {
    const flag = scope.flag(name);
    if (flag !== undefined && flag !== otherwise) draft[key as keyof typeof FLAGS] = flag;
  }
  for (const [key, name] of Object.entries(LISTS)) {
    const values = scope.all(name).flatMap(({ args }) => args.slice(0, 1));
    if (values.length > 0) draft[key as keyof typeof LISTS] = values;
  }
  const ignored = scope.all("fastcgi_ignore_headers").flatMap(({ args }) => args);
  if (ignored.length > 0) draft.ignoreHeaders = ignored;
  const rate = scope.measure(scope.one("fastcgi_limit_rate") ? "fastcgi_limit_rate" : "limit_rate", sizeOf);
  if (rate !== undefined && rate > 0) draft.limitRate = rate;
  for (const one of scope.all("limit_rate_after"))
    scope.report.leave("unsupported", one, "the bound holds from the first byte");
  // The files of another machine cannot be looked for here.
  if (pass.startsWith("tcp://") && !/^tcp:\/\/(?:127\.|localhost:|\[::1\])/.test(pass)) draft.checkScript = false;
  return draft;
}

function paramsOf(draft: Draft, place: Place): Params {
  const params: Params = {};
  for (const one of place.scope.all("fastcgi_param")) {
    const [name = "", written = "", condition] = one.args;
    if (isUsual(name, written, place.scope, one)) {
      delete params[name];
      if (name === "SCRIPT_FILENAME") delete draft.script;
      continue;
    }
    const value = templateOf(written, one, place);
    if (value === undefined) continue;
    if (name === "SCRIPT_FILENAME") draft.script = value;
    else params[name] = condition === "if_not_empty" ? { value, ifNotEmpty: true } : value;
  }
  return params;
}

function isUsual(name: string, written: string, scope: Scope, directive: Directive): boolean {
  const usual = USUAL[name];
  if (usual === undefined) return false;
  let text = written.replace(/\$\{(\w+)\}(?!\w)/g, "$$$1");
  if (text.includes("$realpath_root")) {
    scope.report.leave("decision", directive, "$realpath_root was taken for $document_root: links are not followed");
    text = text.replaceAll("$realpath_root", "$document_root");
  }
  // `set $path_info $fastcgi_path_info`, as Debian has it.
  const set = /^\$\w+$/.test(text) ? setOf(text.slice(1), scope) : undefined;
  return usual.includes(set !== undefined && set !== "conditional" ? set : text);
}
