// Code in pages that is code of a file: a comment above a fence names the file, and what stands in the fence is what
// stands there. `npm run docs:write` copies it; a test compares.
//
//     <!-- code: examples/read-status/main.mjs -->          the whole file
//     <!-- code: examples/read-status/main.mjs#status -->   between "#region status" and "#endregion" in a comment
//
// Commands and what they print are compared in the same way, with files that a test checks by running them.

import { readFileSync } from "node:fs";

/** A fence below its comment. Indented fences, as in lists, are not used for code of files. */
const MARKED = /(<!-- code: ([^\s#]+)(?:#(\S+))? -->\n```(\w*)\n)([\s\S]*?)(^```$)/gm;

/** The page with the code of its files in it. */
export function fillSnippets(page: string, project: URL): string {
  return page.replace(MARKED, (_whole, head: string, file: string, region: string | undefined, ...rest) => {
    const tail = rest[2] as string;
    return `${head}${codeOf(readFileSync(new URL(file, project), "utf8"), file, region)}${tail}`;
  });
}

/** The files that a page shows code of. */
export function snippetFiles(page: string): string[] {
  return [...page.matchAll(MARKED)].map(([, , file = ""]) => file);
}

/**
 * @param region name of the region; without it the whole file, without the markers of its regions
 * @throws {Error} when there is no such region
 */
export function codeOf(source: string, file: string, region: string | undefined): string {
  const lines = source.replace(/\n+$/, "").split("\n");
  if (region === undefined) return `${lines.filter((line) => !isMarker(line)).join("\n")}\n`;
  const begin = lines.findIndex((line) => new RegExp(`#region ${region}\\s*$`).test(line));
  if (begin === -1) throw new Error(`${file} has no #region ${region}`);
  const length = lines.slice(begin + 1).findIndex((line) => /#endregion\b/.test(line));
  if (length === -1) throw new Error(`#region ${region} of ${file} has no end`);
  const inside = lines.slice(begin + 1, begin + 1 + length);
  const indent = Math.min(...inside.filter((line) => line.trim() !== "").map((line) => line.search(/\S/)));
  const text = inside.map((line) => line.slice(indent)).join("\n");
  return `${text.replace(/^\n+|\n+$/g, "")}\n`;
}

function isMarker(line: string): boolean {
  return /#(?:region \S+|endregion)\s*$/.test(line);
}
