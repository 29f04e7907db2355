// The params of a request for a script, from all that is known of it.

import { metaVariables, type NameValue, type ScriptPath } from "../../cgi/index.ts";
import { GatewayError } from "../errors.ts";
import { hostName } from "../request/target.ts";
import { schemeOf, type Visit } from "../request/visit.ts";
import type { ScriptSettings } from "./script-settings.ts";

/**
 * @param contentLength bytes of body that the script gets; absent when it gets none
 * @param more params that stand above all others
 * @throws {GatewayError} `GATEWAY_BAD_REQUEST`
 */
export function scriptParams(
  settings: ScriptSettings,
  visit: Visit,
  script: ScriptPath,
  contentLength: number | undefined,
  more?: readonly NameValue[],
): NameValue[] {
  const { request, info, client } = visit;
  const host = hostName(client?.host ?? request.headers.get("host"));
  const serverPort = client === undefined ? info.serverPort : client.port;
  const remoteAddress = client === undefined ? info.remoteAddress : client.remoteAddress;
  const remotePort = client === undefined ? info.remotePort : client.remotePort;
  try {
    return metaVariables({
      method: visit.method,
      requestUri: visit.requestUri,
      queryString: visit.target.query,
      script,
      documentRoot: settings.documentRoot,
      headers: headersFor(settings, visit),
      ...(contentLength !== undefined && { contentLength }),
      scheme: schemeOf(visit),
      ...(info.protocol !== undefined && { protocol: info.protocol }),
      serverName: settings.serverName ?? host ?? info.serverAddress ?? "localhost",
      ...(info.serverAddress !== undefined && { serverAddress: info.serverAddress }),
      ...(serverPort !== undefined && { serverPort }),
      ...(remoteAddress !== undefined && { remoteAddress }),
      ...(remotePort !== undefined && { remotePort }),
      serverSoftware: settings.serverSoftware,
      underscoresInHeaders: settings.underscoresInHeaders,
      extra: ownParams(settings, visit, more),
    });
  } catch (error) {
    const { code, message } = error as { code?: unknown; message?: unknown };
    if (typeof code !== "string" || !code.startsWith("CGI_")) throw error;
    throw new GatewayError("GATEWAY_BAD_REQUEST", 400, String(message), { cause: error });
  }
}

/** The location's params, those of authorizers, those of the role: the later one wins. */
function ownParams(
  settings: ScriptSettings,
  visit: Visit,
  more: readonly NameValue[] | undefined,
): readonly NameValue[] {
  const { params, paramsOf } = settings;
  const { granted } = visit;
  if (paramsOf === undefined && granted === undefined && more === undefined) return params;
  const all = new Map<string, string>(params);
  for (const [name, value] of paramsOf?.(visit) ?? []) all.set(name, value);
  for (const [name, value] of granted ?? []) all.set(name, value);
  for (const [name, value] of more ?? []) all.set(name, value);
  return [...all];
}

function headersFor(settings: ScriptSettings, visit: Visit): Iterable<NameValue> {
  const { headers } = visit;
  const body = visit.hasBody && settings.passRequestBody;
  if (body && settings.passRequestHeaders) return headers;
  return only(headers, (name) => (name === "content-type" ? body : settings.passRequestHeaders));
}

function* only(headers: Iterable<NameValue>, wanted: (name: string) => boolean): Generator<NameValue, void, undefined> {
  for (const header of headers) if (wanted(header[0].toLowerCase())) yield header;
}
