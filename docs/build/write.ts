// Brings the pages up to date with what they are made from: `npm run docs:write`.

import { readFileSync, writeFileSync } from "node:fs";
import { commands } from "../../src/cli/commands.ts";
import { cliPage } from "./cli-page.ts";
import { pages } from "./pages.ts";
import { fillSnippets } from "./snippets.ts";

const PROJECT = new URL("../../", import.meta.url);

writeFileSync(new URL("docs/cli.md", PROJECT), cliPage(commands));
for (const page of pages(PROJECT)) {
  const before = readFileSync(page, "utf8");
  const after = fillSnippets(before, PROJECT);
  if (after !== before) writeFileSync(page, after);
}
