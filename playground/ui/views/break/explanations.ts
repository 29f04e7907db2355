// What an error code means, and what to do: from docs/errors.md.

import errors from "../../../../docs/errors.md?raw";

const texts = new Map<string, string>();
for (const [, code, text] of errors.matchAll(/^### ([A-Z][A-Z0-9_]+)\n([\s\S]*?)(?=\n#{2,3} |$(?![\s\S]))/gm)) {
  if (code !== undefined && text !== undefined) texts.set(code, text.replace(/\s*\n\s*/g, " ").trim());
}

/** The paragraph about the code; `undefined` when there is none. */
export function explanationOf(code: string): string | undefined {
  return texts.get(code);
}
