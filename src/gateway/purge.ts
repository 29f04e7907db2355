// The method PURGE: an operator, or an application that has changed something, makes the caches forget.
//
//   PURGE /blog/post              what is kept of this address, whatever Vary says
//   PURGE /blog/*                 what is kept of all addresses that begin so
//   PURGE / with Cache-Tag: a, b  what carries one of these tags, in every cache

import { failureReply } from "./answer/failures.ts";
import type { Reply } from "./answer/reply.ts";
import type { Step } from "./answer/step.ts";
import type { Purge } from "./cache/store.ts";
import type { CompiledGateway } from "./config/resolved.ts";
import { isAllowed } from "./request/allowed.ts";
import type { Visit } from "./request/visit.ts";

/** Forgets answers of a zone. */
export type PurgeZone = (zone: string, purge: Purge) => Promise<number | undefined>;

/** The request whose answer is to be forgotten: a GET, without the star at its end. */
export function purgedVisit(visit: Visit): Visit {
  const cut = (text: string) => (endsInStar(visit) && text.endsWith("*") ? text.slice(0, -1) : text);
  const { target } = visit;
  return {
    ...visit,
    method: "GET",
    requestUri: cut(visit.requestUri),
    path: cut(visit.path),
    target: { uri: cut(target.uri), path: cut(target.path), query: cut(target.query) },
    hasBody: false,
  };
}

/** Whether a request to purge is about all addresses that begin like its own. */
export function endsInStar({ requestUri }: Visit): boolean {
  return requestUri.endsWith("*");
}

/** Whether whoever sent the request may purge. */
export async function mayPurge({ purge }: CompiledGateway, visit: Visit): Promise<boolean> {
  if (purge === undefined || !isAllowed(purge.allow, visit)) return false;
  if (purge.token === undefined) return true;
  const [, sent = ""] = /^Bearer +(\S+)$/i.exec(visit.request.headers.get("authorization") ?? "") ?? [];
  return isSame(sent, purge.token);
}

/** @param step the one that the request comes to */
export async function purgeReply(
  config: CompiledGateway,
  { visit, rules }: Step,
  prefix: boolean,
  purge: PurgeZone,
): Promise<Reply> {
  const tags = tagsOf(visit);
  const jobs: Promise<number | undefined>[] = [];
  if (tags.length > 0) {
    for (const zone of Object.keys(config.caches)) for (const tag of tags) jobs.push(purge(zone, { type: "tag", tag }));
  } else {
    const cache = rules?.location.cache;
    if (rules === undefined || cache === undefined) return failureReply(404, "PURGE");
    const key = cache.key(rules.variables);
    jobs.push(purge(cache.zone, prefix ? { type: "prefix", prefix: key } : { type: "key", key }));
  }
  const counts = await Promise.all(jobs);
  const purged = counts.includes(undefined) ? null : counts.reduce<number>((sum, count) => sum + (count ?? 0), 0);
  const body = new TextEncoder().encode(`${JSON.stringify({ purged })}\n`);
  return {
    status: 200,
    headers: [
      ["Content-Type", "application/json"],
      ["Content-Length", String(body.length)],
      ["Cache-Control", "no-store"],
    ],
    body,
  };
}

function tagsOf({ request }: Visit): string[] {
  const list = request.headers.get("cache-tag") ?? "";
  return list.split(/[\s,]+/).filter((tag) => tag !== "");
}

/** Takes as long whatever the difference is. */
async function isSame(a: string, b: string): Promise<boolean> {
  const digest = async (text: string) =>
    new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
  const [x, y] = await Promise.all([digest(a), digest(b)]);
  return x.every((byte, index) => byte === y[index]);
}
