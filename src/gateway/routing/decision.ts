// What a request comes to: the routing's word to the gateway.

import type { ScriptPath } from "../../cgi/index.ts";
import type { CompiledSite, ResolvedLocation } from "../config/resolved.ts";
import type { Variables } from "../config/variables.ts";
import type { FileEntry } from "../files.ts";

export type Decision =
  /** Ask the location's application (`location.fastcgi.pass`). Byte strings. */
  | { readonly type: "script"; readonly script: ScriptPath; readonly documentRoot: string }
  /** Send a file. `path` is the visitors' name of it, for its type. */
  | { readonly type: "file"; readonly path: string; readonly file: FileEntry }
  /** Send the visitor elsewhere. `location` may stand in a header as it is; `body` is that of a `return`. */
  | {
      readonly type: "redirect";
      readonly status: number;
      readonly location: string;
      readonly body?: string;
      readonly contentType?: string;
    }
  /** Bytes as a byte string. */
  | { readonly type: "answer"; readonly status: number; readonly body: string; readonly contentType: string }
  /** An error page with this status; the reason is for the operator. */
  | { readonly type: "deny"; readonly status: number; readonly reason: string };

/** A decision, and where it was made: what it says of headers, errors, caching and so on holds for the answer. */
export interface Routed {
  readonly decision: Decision;
  readonly site: CompiledSite;
  readonly location: ResolvedLocation;
  /** After rewrites: DOCUMENT_URI, decoded. */
  readonly path: string;
  /** After rewrites: QUERY_STRING. */
  readonly query: string;
  /** The request's variables, with those that the routing gives: `uri`, `args`, captures, `fastcgi_script_name` ... */
  readonly variables: Variables;
  /** Changes of the path so far; an internal redirect begins with them, so that there is an end to all together. */
  readonly changes: number;
}
