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
  | { readonly type: "run"; readonly scriptFilename: string; readonly params: readonly Pair[] }
  | { readonly type: "refuse"; readonly status: 403 | 404; readonly body: string; readonly log: string };

const UNKNOWN: ScriptChoice = {
  type: "refuse",
  status: 404,
  body: "File not found.\n",
  log: "Primary script unknown",
};

/** Prefix by which Apache's mod_proxy_fcgi marks a script filename. */
const APACHE_PREFIX = "proxy:fcgi://";

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
  const asked = stripApache(params.findLast(([name]) => name === "SCRIPT_FILENAME")?.[1] ?? "");
  // Only absolute paths: the interpreter's directory is an accident of the request before.
  if (!asked.startsWith("/") || asked.includes("\0") || asked.split("/").includes("..")) return UNKNOWN;

  let script = asked;
  let kind = script.endsWith("/") ? undefined : lookup(script);
  if (kind === undefined) {
    if (!rules.fixPathInfo) return UNKNOWN;
    while (kind !== "file" && kind !== "unreadable") {
      const slash = script.lastIndexOf("/");
      if (slash <= 0) return UNKNOWN;
      script = script.slice(0, slash);
      kind = lookup(script);
    }
  }
  if (!allowed(script, rules.extensions)) {
    const log = `Access to the script '${script}' has been denied (see security.limit_extensions)`;
    return { type: "refuse", status: 403, body: "Access denied.\n", log };
  }
  if (kind === "directory") {
    const log = `Unable to open primary script: ${script} (is a directory)`;
    return { type: "refuse", status: 404, body: "No input file specified.\n", log };
  }
  if (kind === "unreadable") {
    const log = `Unable to open primary script: ${script} (Permission denied)`;
    return { type: "refuse", status: 403, body: "Access denied.\n", log };
  }
  return { type: "run", scriptFilename: script, params: withPathInfo(params, script, asked.slice(script.length)) };
}

function allowed(script: string, extensions: readonly string[]): boolean {
  return extensions.length === 0 || extensions.some((extension) => script.endsWith(extension));
}

function stripApache(filename: string): string {
  if (!filename.startsWith(APACHE_PREFIX)) return filename;
  const slash = filename.indexOf("/", APACHE_PREFIX.length);
  return slash < 0 ? "" : (filename.slice(slash).split("?")[0] ?? "");
}

/**
 * The params with SCRIPT_FILENAME, PATH_INFO and SCRIPT_NAME set right, the former values as `ORIG_*`. php-fpm leaves
 * PATH_INFO alone when the web server sent none; here it is derived then too, because the path says it.
 */
function withPathInfo(params: readonly Pair[], script: string, rest: string): readonly Pair[] {
  const before = new Map(params);
  const changes = new Map<string, string>();
  const set = (name: string, value: string) => {
    const old = before.get(name);
    if (old === value) return;
    if (old !== undefined) changes.set(`ORIG_${name}`, old);
    changes.set(name, value);
  };
  set("SCRIPT_FILENAME", script);
  if (rest !== "") {
    set("PATH_INFO", rest);
    const name = before.get("SCRIPT_NAME");
    if (name?.endsWith(rest)) set("SCRIPT_NAME", name.slice(0, -rest.length));
    const root = before.get("DOCUMENT_ROOT");
    if (root !== undefined) set("PATH_TRANSLATED", root.replace(/\/$/, "") + rest);
  }
  if (changes.size === 0) return params;
  return [...params.filter(([name]) => !changes.has(name)), ...changes];
}
