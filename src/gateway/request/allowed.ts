// Who may see or do what is the operator's: the metrics page, purges.

import type { AllowedAddresses } from "../config/resolved.ts";
import { addressRanges } from "./address-ranges.ts";
import type { Visit } from "./visit.ts";

const LOCAL = addressRanges(["127.0.0.0/8", "::1", "unix:"]);

/** Headers of proxies: who sends one is not on this machine, or speaks for somebody who is not. */
const PROXIED = ["x-forwarded-for", "forwarded", "x-real-ip", "via"];

export function isAllowed(allowed: AllowedAddresses, { client, info, request }: Visit): boolean {
  if (allowed === "all") return true;
  const address = client === undefined ? info.remoteAddress : client.remoteAddress;
  if (allowed !== "local") return allowed.has(address);
  if (!LOCAL.has(address)) return false;
  // A web server of this machine hands on everybody's requests. Without `trustedProxies` nobody knows whose they are.
  return client?.trusted === true || !PROXIED.some((name) => request.headers.has(name));
}
