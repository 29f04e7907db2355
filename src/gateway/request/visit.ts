// One request on its way through the gateway.

import type { NameValue } from "../../cgi/index.ts";
import type { Variables } from "../config/variables.ts";
import { joinedHeader } from "../observe/entry.ts";
import type { RequestInfo } from "../options.ts";
import type { Client } from "./forwarded.ts";
import type { Target } from "./target.ts";

/** An internal redirect changes what stands below the blank line; the rest stays with the request. */
export interface Visit {
  readonly request: Request;
  readonly info: RequestInfo;
  /** The request's headers with repeated names, as far as the server can tell. */
  readonly headers: Iterable<NameValue>;
  /** As the visitor sent it: REQUEST_URI, and the name in the logs. */
  readonly requestUri: string;
  /** What trusted proxies tell of the visitor. Absent: what `info` says. */
  readonly client?: Client | undefined;
  /** The host name that is meant, without its port, in a gateway with a configuration. */
  readonly host?: string | undefined;

  readonly method: string;
  readonly target: Target;
  /** The target's path, decoded. */
  readonly path: string;
  /** Whether the request's body is for the script: it is for the first one only. */
  readonly hasBody: boolean;
  /** The request's variables, in a gateway with a configuration. */
  readonly variables?: Variables | undefined;
  /** Params that an authorizer granted. */
  readonly granted?: readonly NameValue[] | undefined;
  /** The authorizers that were asked, by their ids. */
  readonly authorizers?: readonly string[] | undefined;
}

/** `http` or `https`, as the visitor's connection has it. */
export function schemeOf(visit: Visit): "http" | "https" {
  return visit.client?.scheme ?? visit.info.scheme ?? (/^https:/i.test(visit.request.url) ? "https" : "http");
}

/** A header of the visitor's by its name in lower case, repeated ones joined: as `Request.headers` has it, at less cost. */
export function lookUpHeader({ info, request }: Visit, name: string): string | null {
  return info.headers === undefined ? request.headers.get(name) : (joinedHeader(info.headers, name) ?? null);
}
