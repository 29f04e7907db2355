// What the scoreboard shows of a request, and how far a child has come with it.

/** The request as the status page and the logs name it. Texts are "" where unknown. */
export interface RequestInfo {
  readonly method: string;
  /** Path, without the query. */
  readonly uri: string;
  readonly query: string;
  /** SCRIPT_FILENAME. */
  readonly script: string;
  /** REMOTE_USER. */
  readonly user: string;
  /** Length of the request body in bytes. */
  readonly contentLength: number;
}

/** Stages of a request in a child, in order (php-fpm: `fpm_request_stage_e`). */
export const STAGES = [
  "idle",
  "reading headers",
  "getting request information",
  "running",
  "ending",
  "finishing",
] as const;
/** What a child is doing, in php-fpm's words. */
export type Stage = (typeof STAGES)[number];

/** The stages a lease can be in. */
export type RequestStage = Exclude<Stage, "idle">;

/** Whether the script is through: what is left runs after the answer (shutdown functions, fastcgi_finish_request). */
export function isPastAnswer(stage: Stage): boolean {
  return stage === "ending" || stage === "finishing";
}

/** `GET /index.php?a=1`, as php-fpm's log lines name a request. */
export function requestLine(request: RequestInfo): string {
  return `${request.method} ${request.uri}${request.query === "" ? "" : `?${request.query}`}`;
}
