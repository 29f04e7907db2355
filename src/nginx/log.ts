// `access_log` and `log_format`: there is one log for all.

import type { GatewayConfig } from "../gateway/config/config.ts";
import type { Directive } from "./parse.ts";
import type { Scope } from "./scope.ts";

export function logOf(http: Scope, servers: readonly Scope[]): GatewayConfig["log"] | undefined {
  const formats = new Map<string, Directive>();
  for (const one of http.directives) if (one.name === "log_format") formats.set(one.args[0] ?? "", one);
  const logs = [...new Set([http, ...servers].flatMap((scope) => scope.all("access_log")))].filter(
    ({ args }) => args[0] !== "off",
  );
  const [first, ...more] = logs;
  for (const one of more) {
    if (one.args[0] !== first?.args[0]) http.report.leave("decision", one, "there is one access log for all sites");
  }
  if (first === undefined) return undefined;
  const [file = "", name = "combined", ...words] = first.args;
  for (const word of words) {
    if (word.startsWith("if="))
      http.report.leave("unsupported", first, "requests are not chosen: accessLog of a location is");
  }
  if (file.startsWith("syslog:") || file.includes("$")) {
    http.report.leave("unsupported", first, "logs are files, or standard output");
    return undefined;
  }
  const log = file === "/dev/stdout" ? {} : { file };
  const format = formats.get(name);
  if (format === undefined) return { format: "combined", ...log };
  http.report.take(format);
  const [, ...texts] = format.args;
  const escaping = texts[0]?.startsWith("escape=") === true ? texts.shift() : undefined;
  if (escaping === "escape=json") {
    http.report.leave("decision", format, "the gateway's own json is taken, which has other names");
    return { format: "json", ...log };
  }
  return { format: texts.join(""), ...log };
}
