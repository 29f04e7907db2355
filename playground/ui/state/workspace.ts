// What the visitor has made: the scripts and the request. Kept over a reload.

import { type Connections, EXAMPLES, type RequestInput } from "../../engine/index.ts";
import { stored } from "./stored.ts";

/** Scripts by their path in URLs. */
export type Scripts = Readonly<Record<string, string>>;

/** A part of a form; a file when it has a `file`. */
export interface FormPart {
  readonly name: string;
  readonly value: string;
  /** `content` in base64: a draft is kept as text. */
  readonly file?: { readonly name: string; readonly type: string; readonly size: number; readonly content: string };
}

/** The request as it stands in the form of the workbench. */
export interface RequestDraft {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body:
    | { readonly kind: "none" }
    | { readonly kind: "text"; readonly type: string; readonly text: string }
    /** `multipart/form-data` when a part is a file or `multipart` is set, else `application/x-www-form-urlencoded`. */
    | { readonly kind: "form"; readonly parts: readonly FormPart[]; readonly multipart: boolean };
  readonly connections: Connections;
  /** Sends the cookies that answers have set. */
  readonly cookies: boolean;
}

const FIRST_SCRIPT = "/hello.php";

export const EXAMPLE_SCRIPTS: Scripts = Object.fromEntries(EXAMPLES.map(({ path, source }) => [path, source]));

export const DEFAULT_DRAFT: RequestDraft = {
  method: "GET",
  url: FIRST_SCRIPT,
  headers: [],
  body: { kind: "none" },
  connections: "own",
  cookies: true,
};

function isScripts(value: unknown): value is Scripts {
  return typeof value === "object" && value !== null && Object.values(value).every((text) => typeof text === "string");
}

function isDraft(value: unknown): value is RequestDraft {
  const draft = value as Partial<RequestDraft> | null;
  return (
    typeof draft === "object" &&
    draft !== null &&
    typeof draft.method === "string" &&
    typeof draft.url === "string" &&
    Array.isArray(draft.headers) &&
    typeof draft.body === "object" &&
    typeof draft.connections === "string"
  );
}

/** All scripts of the site. */
export const scripts = stored<Scripts>("scripts", EXAMPLE_SCRIPTS, isScripts);

/** The script in the editor. */
export const openScript = stored(
  "open",
  Object.keys(scripts.peek())[0] ?? FIRST_SCRIPT,
  (value): value is string => typeof value === "string" && value in scripts.peek(),
);

export const draft = stored<RequestDraft>("request", DEFAULT_DRAFT, isDraft);

/** Changes some of the request. */
export function editDraft(change: Partial<RequestDraft>): void {
  draft.value = { ...draft.value, ...change };
}

/** A ready request as a draft. */
export function draftOf({ method = "GET", url, headers = [], body, connections = "own" }: RequestInput): RequestDraft {
  const type = headers.find(([name]) => name.toLowerCase() === "content-type")?.[1] ?? "text/plain";
  return {
    ...DEFAULT_DRAFT,
    method,
    url,
    headers: headers.filter(([name]) => name.toLowerCase() !== "content-type"),
    body: body === undefined ? { kind: "none" } : { kind: "text", type, text: new TextDecoder().decode(body) },
    connections,
  };
}
