// Links between pages are written as they work in the repository. Here they become those of the site: pages of the
// root (ARCHITECTURE.md, CHANGELOG.md) have an address there, and what is no page, such as a source file, is text.

import { posix } from "node:path";
import type { MarkdownRenderer } from "vitepress";

/** Files outside docs/ that the site has a page for, as paths from the repository's root. */
const PAGES: Readonly<Record<string, string>> = {
  "ARCHITECTURE.md": "architecture.md",
  "CHANGELOG.md": "changelog.md",
  "SECURITY.md": "security.md",
  "docs/decisions/README.md": "decisions/index.md",
};

/** Pages made of a file in another folder: its links are relative to that. */
const INCLUDED: Readonly<Record<string, string>> = {
  "architecture.md": ".",
  "changelog.md": ".",
};

/** A markdown-it plugin. */
export function siteLinks(markdown: MarkdownRenderer): void {
  markdown.core.ruler.push("site-links", (state) => {
    const page: string = state.env.relativePath ?? "";
    for (const { children } of state.tokens) {
      let text = false;
      for (const token of children ?? []) {
        if (token.type === "link_open") {
          const href = token.attrGet("href") ?? "";
          const address = siteLink(page, href);
          text = address === undefined;
          if (address === undefined) {
            token.tag = "span";
            token.attrs = null;
            // The rule for links would ask for an address.
            token.type = "span_open";
          } else token.attrSet("href", address);
        } else if (token.type === "link_close" && text) {
          token.tag = "span";
          token.type = "span_close";
          text = false;
        }
      }
    }
  });
}

/**
 * @param page path of the page below docs/
 * @returns the address on the site; `undefined` when the link leads to what is no page
 */
export function siteLink(page: string, href: string): string | undefined {
  if (/^(?:[a-z]+:|\/|#)/i.test(href)) return href;
  const [path = "", fragment] = href.split("#", 2);
  const folder = INCLUDED[page] ?? posix.join("docs", posix.dirname(page));
  const file = posix.join(folder, path);
  const inDocs = PAGES[file] ?? (file.startsWith("docs/") ? file.slice("docs/".length) : undefined);
  if (inDocs === undefined) return undefined;
  if (inDocs.startsWith("pictures/")) return href;
  const target = inDocs === "decisions" ? "decisions/index.md" : inDocs;
  return `/${target}${fragment === undefined ? "" : `#${fragment}`}`;
}
