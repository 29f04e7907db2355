// A configuration as JSON, and back: for a bundle. Regular expressions become `{ "regex": source, "flags": flags }` under
// a name that no setting has.

import type { GatewayConfig } from "./config.ts";

const MARK = "edge-fpm:regex";

/** What `JSON.stringify` keeps whole. */
export function toPlain(config: GatewayConfig): unknown {
  return plain(config);
}

function plain(value: unknown): unknown {
  if (value instanceof RegExp) return { [MARK]: value.source, flags: value.flags };
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, plain(one)]));
}

/** @param value what `toPlain` returned, perhaps through JSON */
export function fromPlain(value: unknown): GatewayConfig {
  return revived(value) as GatewayConfig;
}

function revived(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(revived);
  if (typeof value !== "object" || value === null) return value;
  const { [MARK]: source, flags } = value as { readonly [MARK]?: unknown; readonly flags?: unknown };
  if (typeof source === "string") return new RegExp(source, String(flags ?? ""));
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, revived(one)]));
}
