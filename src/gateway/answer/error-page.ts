// The page for an error, as the configuration has it: `errorPages`, nginx's `error_page`.

import type { CompiledErrorPage } from "../config/resolved.ts";
import type { Variables } from "../config/variables.ts";
import { plainPath } from "../routing/state.ts";
import { type Jump, pathJump, withoutBody } from "./jump.ts";
import type { Reply } from "./reply.ts";
import type { Step } from "./step.ts";

const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/** What becomes of an error: another place of ours, which answers with `status` unless that is absent; or an answer. */
export type ErrorTurn =
  | { readonly type: "jump"; readonly jump: Jump; readonly status: number | undefined }
  | { readonly type: "reply"; readonly reply: Reply };

/**
 * @param bodyTaken the request's body was read for a script already, so nobody else can have it
 * @returns `undefined` when the configuration has no page for the status
 */
export function errorTurn(step: Step | undefined, status: number, bodyTaken: boolean): ErrorTurn | undefined {
  const rules = step?.rules;
  const page = rules?.location.errorPages.get(status);
  if (step === undefined || rules === undefined || page === undefined) return undefined;
  const variables: Variables = (name) => (name === "status" ? String(status) : rules.variables(name));
  const query = page.target.query?.(variables) ?? "";
  if (page.type === "url") return { type: "reply", reply: elsewhere(page, variables, query) };

  const shown = page.status === "keep" ? status : page.status === "page" ? undefined : page.status;
  if (page.type === "path") {
    // Variables bring in what visitors sent: a path that none of theirs could be is no page.
    const path = plainPath(page.target.path(variables));
    return path === undefined ? undefined : { type: "jump", jump: pathJump(step.visit, path, query), status: shown };
  }
  // As in nginx a named location goes on with the request as it is: it stands in for the one that failed.
  const visit = bodyTaken && step.visit.hasBody ? withoutBody(step.visit) : step.visit;
  return { type: "jump", jump: { visit, named: page.target.path(variables) }, status: shown };
}

function elsewhere(page: CompiledErrorPage, variables: Variables, query: string): Reply {
  const status = typeof page.status === "number" && REDIRECTS.has(page.status) ? page.status : 302;
  const url = page.target.url(variables);
  return {
    status,
    headers: [
      ["Location", query === "" ? url : `${url}?${query}`],
      ["Content-Length", "0"],
    ],
    body: null,
  };
}
