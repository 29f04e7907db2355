// The status page as HTML and as XML. All that came with a request is escaped; php-fpm escapes the query only.

import { textOf } from "./byte-text.ts";
import type { PoolStatus } from "./status.ts";
import { type Field, formatValue, OURS, ourFields, poolFields, processFields, unixTime } from "./status-fields.ts";
import { accessTime } from "./strftime.ts";

const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

/** Text for element content. Control characters, which XML cannot hold, become U+FFFD. */
function escaped(byteString: string): string {
  return (
    textOf(byteString)
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it is about
      .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "\ufffd")
      .replace(/[&<>"]/g, (character) => ENTITIES[character] ?? "")
  );
}

const HTML = { text: escaped, time: accessTime };
const XML = { text: escaped, time: unixTime };

/** The HTML status page. `full`: with the children. */
export function statusHtml(status: PoolStatus, full: boolean): string {
  const ours = ourFields(status).map(([name, value]): Field => [`${OURS} ${name}`, value]);
  const rows = [...poolFields(status), ...ours].map(
    ([name, value]) => `<tr><th>${name}</th><td>${formatValue(value, HTML)}</td></tr>\n`,
  );
  return [
    '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd">\n',
    '<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="en" lang="en">\n',
    "<head><title>PHP-FPM Status Page</title></head>\n<body>\n<table>\n",
    ...rows,
    "</table>\n",
    full ? htmlProcesses(status) : "",
    "</body></html>",
  ].join("");
}

function htmlProcesses(status: PoolStatus): string {
  const children = status.processes.map(processFields);
  const names = (children[0] ?? []).map(([name]) => `<th>${name}</th>`).join("");
  const rows = children.map(
    (fields) => `<tr>${fields.map(([, value]) => `<td>${formatValue(value, HTML)}</td>`).join("")}</tr>\n`,
  );
  return `<table border="1">\n<tr>${names}</tr>\n${rows.join("")}</table>`;
}

/** The XML status page. `full`: with the children. Ours stand in an element of their own. */
export function statusXml(status: PoolStatus, full: boolean): string {
  const children = status.processes.map((process) => `<process>${elements(processFields(process), "")}</process>\n`);
  return [
    '<?xml version="1.0" ?>\n<status>\n',
    elements(poolFields(status), "\n"),
    `<${OURS}>\n${elements(ourFields(status), "\n")}</${OURS}>\n`,
    full ? `<processes>\n${children.join("")}</processes>\n` : "",
    "</status>",
  ].join("");
}

function elements(fields: readonly Field[], after: string): string {
  return fields
    .map(([name, value]) => {
      const tag = name.replaceAll(" ", "-");
      return `<${tag}>${formatValue(value, XML)}</${tag}>${after}`;
    })
    .join("");
}
