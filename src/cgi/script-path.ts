// From the path of a URL to a script: decoding, and the split into script name and path info.
//
// Paths are byte strings throughout. Nothing here changes the case of a path: the length of some characters changes
// with it, and an index found in the changed copy points elsewhere in the original (CVE-2026-27590).

import { isUtf8 } from "./bytes.ts";
import { CgiError } from "./errors.ts";

/**
 * Decodes the path of a request target (without the query) into bytes, and joins repeated slashes as nginx does.
 *
 * @param raw as it stands in the request line; must begin with a slash
 * @returns a path that begins with a slash and has no empty segment but perhaps the last
 * @throws {CgiError} `CGI_BAD_PATH`: broken percent-encoding, bytes that are no UTF-8, a control character or NUL, a
 *   backslash, a `.` or `..` segment however it was written. Browsers resolve dot segments before they send, so only
 *   somebody who means it sends them.
 */
export function decodePath(raw: string): string {
  if (raw.charCodeAt(0) !== 0x2f) throw new CgiError("CGI_BAD_PATH", "the path does not begin with a slash");
  let path = "";
  let copied = 0;
  for (let at = raw.indexOf("%"); at !== -1; at = raw.indexOf("%", at + 3)) {
    const byte = hexDigit(raw.charCodeAt(at + 1)) * 16 + hexDigit(raw.charCodeAt(at + 2));
    if (Number.isNaN(byte)) throw new CgiError("CGI_BAD_PATH", `broken percent-encoding at byte ${at} of the path`);
    path += raw.slice(copied, at) + String.fromCharCode(byte);
    copied = at + 3;
  }
  path += raw.slice(copied);

  let plain = true;
  for (let i = 0; i < path.length; i++) {
    const byte = path.charCodeAt(i);
    if (byte < 0x20 || byte === 0x7f) throw new CgiError("CGI_BAD_PATH", `control character ${byte} in the path`);
    if (byte === 0x5c) throw new CgiError("CGI_BAD_PATH", "backslash in the path");
    if (byte > 0xff) throw new CgiError("CGI_BAD_PATH", "the path is no byte string");
    if (byte > 0x7f) plain = false;
  }
  if (!plain && !isUtf8(path)) throw new CgiError("CGI_BAD_PATH", "the path is no UTF-8");

  if (path.includes("//")) path = path.replace(/\/{2,}/g, "/");
  if (/\/\.\.?(?:\/|$)/.test(path)) throw new CgiError("CGI_BAD_PATH", "`.` or `..` segment in the path");
  return path;
}

function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const letter = code | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x61 + 10 : Number.NaN;
}

/** The opposite of `decodePath`: a byte string as it may stand in a URL. Keeps slashes. */
export function encodePath(path: string): string {
  return path.replace(
    /[^A-Za-z0-9\-._~!$&'()*+,;=:@/]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`,
  );
}

/** A decoded path cut behind a script's extension. */
export interface ScriptSplit {
  /** Up to and with the extension: `/blog/index.php`. */
  readonly scriptName: string;
  /** The rest: empty, or a slash and more. */
  readonly pathInfo: string;
}

/**
 * Every place where `path` can be cut, the first one first: behind each extension that a slash or the end follows. The
 * first is the cut of nginx's `^(.+?\.php)(/.*)?$`; the others are for a folder that is called `something.php`.
 *
 * @param extensions compared byte by byte, case included; each begins with a dot
 */
export function splitScript(path: string, extensions: readonly string[] = [".php"]): ScriptSplit[] {
  const splits: ScriptSplit[] = [];
  for (let end = nextEnd(path, 1); end !== -1; end = nextEnd(path, end + 1)) {
    for (const extension of extensions) {
      // `.+?` of nginx's pattern: something must stand before the extension, and be it a slash.
      if (end > extension.length && path.startsWith(extension, end - extension.length)) {
        splits.push({ scriptName: path.slice(0, end), pathInfo: path.slice(end) });
        break;
      }
    }
  }
  return splits;
}

/** Where the segment that holds `from` ends; -1 behind the end of the path. */
function nextEnd(path: string, from: number): number {
  if (from > path.length) return -1;
  const slash = path.indexOf("/", from);
  return slash === -1 ? path.length : slash;
}

/** A script as the meta-variables name it. */
export interface ScriptPath extends ScriptSplit {
  /** The file: document root and script name. */
  readonly scriptFilename: string;
  /** Document root and path info; absent when there is no path info (RFC 3875, section 4.1.6). */
  readonly pathTranslated?: string;
}

/**
 * The script below a document root.
 *
 * @param documentRoot byte string, absolute; a slash at its end is ignored
 */
export function scriptPath(documentRoot: string, split: ScriptSplit): ScriptPath {
  const root = documentRoot.endsWith("/") ? documentRoot.slice(0, -1) : documentRoot;
  const { scriptName, pathInfo } = split;
  const scriptFilename = root + scriptName;
  return pathInfo === ""
    ? { scriptName, pathInfo, scriptFilename }
    : { scriptName, pathInfo, scriptFilename, pathTranslated: root + pathInfo };
}
