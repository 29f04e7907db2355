// Whether a configuration can be used, and if not, everything that is wrong with it at once.
//
//   checkConfig(config: unknown): readonly Problem[]
//   assertConfig(config, source?): asserts it is one        throws ConfigError with all problems

import * as v from "valibot";
import type { GatewayConfig } from "./config.ts";
import { ConfigError, type Problem } from "./errors.ts";
import { nearest } from "./nearest.ts";
import { checkReferences } from "./references.ts";
import { configSchema } from "./schema.ts";

/** A step into a table or a list. */
type Key = string | number;

/** @returns all problems, in the order of the schema; empty when there is none */
export function checkConfig(config: unknown): readonly Problem[] {
  const { issues = [] } = v.safeParse(configSchema, config);
  const malformed: (readonly Key[])[] = [];
  const problems = issues.map((issue): Problem => {
    const keys = (issue.path ?? []).map(({ key }) => key as Key);
    malformed.push(keys);
    const path = pathText(keys);
    if (issue.type === "never") return unknownKey(path, String(keys.at(-1)), issue.message.split(" "));
    if (issue.input === undefined) return { path, seen: "not there", allowed: "a value: it cannot be left out" };
    // The key itself is wrong: the issue is about it, and not about its value.
    if (issue.path?.at(-1)?.origin === "key") return { path, seen: "there", allowed: `as a key: ${issue.message}` };
    return { path, seen: show(issue.input), allowed: issue.message };
  });
  if (malformed.some((keys) => keys.length === 0)) return problems;
  return [...problems, ...checkReferences(without(config, malformed) as GatewayConfig)];
}

/**
 * @param source where it comes from, for the message
 * @throws {ConfigError} `CONFIG_INVALID`
 */
export function assertConfig(config: unknown, source?: string): asserts config is GatewayConfig {
  const problems = checkConfig(config);
  if (problems.length > 0) throw new ConfigError(problems, source);
}

function unknownKey(path: string, key: string, known: readonly string[]): Problem {
  const meant = nearest(key, known);
  return { path, seen: "no setting", allowed: meant === undefined ? known.join(", ") : `did you mean ${meant}?` };
}

/** `sites[0].headers["X-Frame-Options"]`. */
function pathText(keys: readonly Key[]): string {
  let text = "";
  for (const key of keys) {
    if (typeof key === "number") text += `[${key}]`;
    else if (/^[A-Za-z_$][\w$]*$/.test(key)) text += text === "" ? key : `.${key}`;
    else text += `[${JSON.stringify(key)}]`;
  }
  return text;
}

/** A value as it would be written, in short. */
function show(value: unknown): string {
  if (value === undefined) return "not there";
  if (typeof value === "function") return "a function";
  if (value instanceof RegExp || typeof value === "bigint" || typeof value === "symbol") return String(value);
  const text = typeof value === "number" ? String(value) : (JSON.stringify(value) ?? String(value));
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

/** A copy where what is malformed is undefined, so that the rest can be checked. */
function without(value: unknown, paths: readonly (readonly Key[])[]): unknown {
  if (paths.length === 0) return value;
  if (paths.some((path) => path.length === 0)) return undefined;
  const inside = (key: Key) => paths.filter((path) => path[0] === key).map((path) => path.slice(1));
  if (Array.isArray(value)) return value.map((one, index) => without(one, inside(index)));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, without(one, inside(key))]));
}
