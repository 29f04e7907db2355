// Which script a request means, and whether it may run: php-fpm's rules for SCRIPT_FILENAME, `cgi.fix_pathinfo` and
// `security.limit_extensions` (php-src sapi/fpm/fpm/fpm_main.c, init_request_info).

import type { Pair } from "../codec/index.ts";
import type { PathKind } from "./runtime.ts";

/** Extensions that may run when nothing else is said (php-fpm's default). */
export const DEFAULT_EXTENSIONS: readonly string[] = [".php", ".phar"];

export interface ScriptRules {
  /** `security.limit_extensions`, dots included. An empty list lets every file run. */
  readonly extensions: readonly string[];
  /** `cgi.fix_pathinfo`: whether "/a/x.php/info" means the script "/a/x.php". */
  readonly fixPathInfo: boolean;
}

/** What a request runs, or the answer that it gets instead. */
export type ScriptChoice =
  | {
      readonly type: "run";
      readonly scriptFilename: string;
      readonly params: readonly Pair[];
      /** PHP_SELF, when it is not SCRIPT_NAME and PATH_INFO. */
      readonly self?: string | undefined;
    }
  | { readonly type: "refuse"; readonly status: 403 | 404; readonly body: string; readonly log: string };

const UNKNOWN: ScriptChoice = {
  type: "refuse",
  status: 404,
  body: "File not found.\n",
  log: "Primary script unknown",
};

/** Prefixes by which Apache's mod_proxy_fcgi and mod_proxy_balancer mark a script filename. */
const APACHE_PREFIXES = ["proxy:fcgi://", "proxy:balancer://"];

/**
 * Chooses the script of a request.
 *
 * @param lookup what is at a path (a byte string), as in `PhpRuntime.lookup`
 */
export function chooseScript(
  params: readonly Pair[],
  rules: ScriptRules,
  lookup: (path: string) => PathKind | undefined,
): ScriptChoice {
  const before = new Map(params);
  const sent = before.get("SCRIPT_FILENAME") ?? before.get("PATH_TRANSLATED") ?? "";
  const byApache = APACHE_PREFIXES.some((prefix) => sent.toLowerCase().startsWith(prefix));
  let asked = byApache ? withoutApache(sent) : sent;
  if (!rules.fixPathInfo) asked = before.get("PATH_TRANSLATED") ?? asked;
  // Only absolute paths: the interpreter's directory is an accident of the request before.
  if (!asked.startsWith("/") || asked.includes("\0") || asked.split("/").includes("..")) return UNKNOWN;

  let script = asked;
  let kind = script.endsWith("/") ? undefined : lookup(script);
  if (kind === undefined && rules.fixPathInfo) {
    while (kind !== "file" && kind !== "unreadable") {
      const slash = script.lastIndexOf("/");
      if (slash <= 0) return UNKNOWN;
      script = script.slice(0, slash);
      kind = lookup(script);
    }
  }
  if (kind === undefined && rules.fixPathInfo) return UNKNOWN;
  if (!allowed(script, rules.extensions)) {
    const log = `Access to the script '${script}' has been denied (see security.limit_extensions)`;
    return { type: "refuse", status: 403, body: "Access denied.\n", log };
  }
  if (kind === undefined) return UNKNOWN;
  if (kind === "directory") {
    const log = `Unable to open primary script: ${script} (is a directory)`;
    return { type: "refuse", status: 404, body: "No input file specified.\n", log };
  }
  if (kind === "unreadable") {
    const log = `Unable to open primary script: ${script} (Permission denied)`;
    return { type: "refuse", status: 403, body: "Access denied.\n", log };
  }
  if (!rules.fixPathInfo) {
    // As php-fpm has it, for old applications.
    const self = before.get("PATH_INFO") ?? before.get("SCRIPT_NAME") ?? "";
    const changes = byApache ? new Map([["SCRIPT_FILENAME", asked]]) : new Map<string, string>();
    return { type: "run", scriptFilename: script, params: changed(params, changes), self };
  }
  const changes = pathInfo(before, script, asked.slice(script.length), byApache);
  return { type: "run", scriptFilename: script, params: changed(params, changes) };
}

function allowed(script: string, extensions: readonly string[]): boolean {
  return extensions.length === 0 || extensions.some((extension) => script.endsWith(extension));
}

function withoutApache(filename: string): string {
  const slash = filename.indexOf("/", filename.indexOf("://") + "://".length);
  return slash < 0 ? filename : (filename.slice(slash).split("?")[0] ?? "");
}

/**
 * What php-fpm changes of the params when it found the script: SCRIPT_FILENAME, and for a path behind the script
 * PATH_INFO, SCRIPT_NAME and PATH_TRANSLATED, the former values as `ORIG_*`.
 *
 * @param rest the path behind the script; "" for none
 */
function pathInfo(
  before: ReadonlyMap<string, string>,
  script: string,
  rest: string,
  byApache: boolean,
): ReadonlyMap<string, string> {
  const changes = new Map<string, string>();
  const replace = (name: string, value: string) => {
    const old = before.get(name);
    if (old === value) return;
    if (old !== undefined) changes.set(`ORIG_${name}`, old);
    changes.set(name, value);
  };
  if (rest === "") {
    // Apache's prefix goes without a trace.
    if (byApache) changes.set("SCRIPT_FILENAME", script);
    else replace("SCRIPT_FILENAME", script);
    return changes;
  }
  const sentInfo = before.get("PATH_INFO");
  let info = sentInfo;
  if (byApache) {
    // Apache knows no PATH_INFO: it is behind SCRIPT_NAME too, as sent or decoded.
    info = rest;
    const name = before.get("SCRIPT_NAME");
    const tail = [rest, decoded(rest)].find((end) => name?.endsWith(end) && name.length > end.length);
    if (sentInfo !== undefined && sentInfo !== rest) replace("SCRIPT_NAME", sentInfo);
    else if (sentInfo === undefined && tail !== undefined) replace("SCRIPT_NAME", name?.slice(0, -tail.length) ?? "");
    replace("PATH_INFO", rest);
    changes.set("ORIG_SCRIPT_FILENAME", script + rest);
    changes.set("SCRIPT_FILENAME", script);
  } else {
    if (sentInfo !== undefined && sentInfo.length > rest.length) {
      // The web server took the whole path for PATH_INFO: its first part is the script's name.
      info = sentInfo.slice(-rest.length);
      const name = sentInfo.slice(0, -rest.length);
      replace("SCRIPT_NAME", name);
      replace("PATH_INFO", info);
    }
    replace("SCRIPT_FILENAME", script);
  }
  const root = before.get("DOCUMENT_ROOT");
  const name = changes.get("SCRIPT_NAME") ?? before.get("SCRIPT_NAME");
  if (root !== undefined) translate(before, changes, root.replace(/\/$/, "") + (info ?? ""));
  else if (name !== undefined && script.includes(name)) {
    translate(before, changes, script.slice(0, script.length - name.length) + (info ?? ""));
  }
  return changes;
}

function translate(before: ReadonlyMap<string, string>, changes: Map<string, string>, path: string): void {
  const old = before.get("PATH_TRANSLATED");
  if (old !== undefined) changes.set("ORIG_PATH_TRANSLATED", old);
  changes.set("PATH_TRANSLATED", path);
}

/** A path with its escapes read, byte by byte. */
function decoded(path: string): string {
  return path.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

function changed(params: readonly Pair[], changes: ReadonlyMap<string, string>): readonly Pair[] {
  return changes.size === 0 ? params : [...params.filter(([name]) => !changes.has(name)), ...changes];
}
