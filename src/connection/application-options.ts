// What an application accepts on one connection, and how it presents itself.

import type { Role } from "../codec/index.ts";

/** How much of a web server's input is accepted on one connection. */
export interface ApplicationLimits {
  /** Requests open at the same time. Default 1024; one more is answered OVERLOADED. */
  readonly maxRequests: number;
  /** Bytes of one request's params stream. Default 1 MiB; a longer one is refused. */
  readonly maxParamsBytes: number;
  /** Params of one request. Default 4096; more are refused. */
  readonly maxParams: number;
  /** Bytes of a param's name. Default 8 KiB; a longer one is refused. */
  readonly maxParamNameLength: number;
  /**
   * Bytes of params of all requests open, 64 more for every param, because each is an object. Default 16 MiB; a request
   * that passes it is answered OVERLOADED.
   */
  readonly maxConnectionParamsBytes: number;
}

/** The limits of a connection unless others are given. */
export const DEFAULT_APPLICATION_LIMITS: ApplicationLimits = {
  maxRequests: 1024,
  maxParamsBytes: 1024 * 1024,
  maxParams: 4096,
  maxParamNameLength: 8 * 1024,
  maxConnectionParamsBytes: 16 * 1024 * 1024,
};

/** What the application's side of a connection can be told. */
export interface ApplicationOptions {
  readonly limits?: Partial<ApplicationLimits>;
  /** Several requests at a time. Default true; false answers a second one with CANT_MPX_CONN. */
  readonly multiplex?: boolean;
  /** Roles that are played. Default all three; another is answered with UNKNOWN_ROLE. */
  readonly roles?: readonly Role[];
  /** The answers to GET_VALUES. Default: one connection, as many requests as it takes. */
  readonly values?: { readonly maxConns: number; readonly maxReqs: number };
}
