// The status page as text and as JSON.

import { oneLine, textOf } from "./byte-text.ts";
import type { PoolStatus } from "./status.ts";
import { type Field, formatValue, OURS, ourFields, poolFields, processFields, unixTime } from "./status-fields.ts";
import { accessTime } from "./strftime.ts";

const TEXT = { text: (value: string) => oneLine(textOf(value)), time: accessTime };

/** The text status page. `full`: with the children. */
export function statusText(status: PoolStatus, full: boolean): string {
  const ours = ourFields(status).map(([name, value]): Field => [`${OURS} ${name}`, value]);
  const parts = [lines(poolFields(status), 22), lines(ours, 34)];
  if (full) {
    for (const process of status.processes) {
      // The text page alone writes "request URI".
      const fields = processFields(process).map(
        ([name, value]): Field => [name === "request uri" ? "request URI" : name, value],
      );
      parts.push(`\n${"*".repeat(24)}\n${lines(fields, 22)}`);
    }
  }
  return parts.join("");
}

function lines(fields: readonly Field[], width: number): string {
  return fields.map(([name, value]) => `${`${name}:`.padEnd(width)}${formatValue(value, TEXT)}\n`).join("");
}

const JSON_VALUES = { text: jsonString, time: unixTime };

/** The JSON status page, in ASCII. `full`: with the children. Ours stand in an object of their own. */
export function statusJson(status: PoolStatus, full: boolean): string {
  const ours = `${jsonString(OURS)}:{${members(ourFields(status))}}`;
  const processes = full
    ? `, "processes":[${status.processes.map((process) => `{${members(processFields(process))}}`).join(",")}]`
    : "";
  return `{${members(poolFields(status))},${ours}${processes}}`;
}

function members(fields: readonly Field[]): string {
  return fields.map(([name, value]) => `"${name}":${formatValue(value, JSON_VALUES)}`).join(",");
}

/** As PHP's json_encode: ASCII only, slashes escaped. What is no UTF-8 is left out. */
function jsonString(byteString: string): string {
  return JSON.stringify(textOf(byteString).replaceAll("\ufffd", ""))
    .replaceAll("/", "\\/")
    .replace(/[\u007f-\uffff]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
