// Request -> Response for one site: one folder, one application.

import { type AnswerEvents, answerVisit } from "./answer/answer.ts";
import { failureReply, failureStatus } from "./answer/failures.ts";
import { limitRate } from "./answer/limit-rate.ts";
import { type CreateResponse, createPlatformResponse, type Reply } from "./answer/reply.ts";
import type { GatewayOptions, RequestInfo } from "./options.ts";
import { beginVisit } from "./request/request-check.ts";
import { siteRoutes } from "./routing/site-routes.ts";
import { plainSettings } from "./script/script-settings.ts";

/** A fetch-style handler. Never rejects: a failure is a response too. */
export type Gateway = (request: Request, info?: RequestInfo) => Promise<Response>;

/** For a visitor who left: nginx's log has this number, and nobody sees the response. */
const CLIENT_CLOSED_REQUEST = 499;

/** Makes the handler of one folder and one application. It may be called any number of times at once. */
export function createFolderGateway(options: GatewayOptions): Gateway {
  const settings = plainSettings(options);
  const routes = siteRoutes(options, settings);
  const create = options.createResponse ?? createPlatformResponse;
  const debug = options.debug === true;

  return async (request, info = {}) => {
    try {
      const visit = beginVisit(request, info, settings.limits);
      const events = eventsOf(options, { method: request.method, target: visit.requestUri });
      const { reply } = await answerVisit(routes, visit, events, debug);
      return respond(reply, create);
    } catch (error) {
      if (request.signal.aborted) return create(null, { status: CLIENT_CLOSED_REQUEST, headers: [] });
      const status = failureStatus(error);
      const target = (info.target ?? request.url).slice(0, settings.limits.maxUri);
      options.onError?.(error, { method: request.method, target }, status, false);
      return respond(failureReply(status, request.method, debug ? error : undefined), create);
    }
  };
}

/** What the gateway's owner is told of a request. */
function eventsOf(options: GatewayOptions, name: { readonly method: string; readonly target: string }): AnswerEvents {
  return {
    stderr: (line) => options.onStderr?.(line, name),
    broken: (error, status) => options.onError?.(error, name, status, true),
    failed: (error, status) => options.onError?.(error, name, status, false),
  };
}

function respond(reply: Reply, create: CreateResponse): Response {
  const rate = reply.wishes?.limitRate ?? 0;
  const body = rate > 0 && reply.body !== null ? limitRate(reply.body, rate) : reply.body;
  return create(body, reply);
}
