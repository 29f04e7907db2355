// The tour's text: docs/how-it-works.md, cut at its headings. One text for those who read and those who try.

import source from "../../../../docs/how-it-works.md?raw";

/** One heading of the text. */
export interface TourText {
  /** The heading in lower case, with hyphens: its anchor in the document too. */
  readonly id: string;
  readonly title: string;
  /** Markdown, without the heading and without what is to be tried. */
  readonly text: string;
  /** What is to be tried, in one sentence. */
  readonly task: string;
}

/** @throws {Error} when a part says nothing to try: then the text and the tour do not belong together */
export function partsOf(markdown: string): readonly TourText[] {
  return markdown
    .split(/^## /m)
    .slice(1)
    .map((part) => {
      const [title = "", ...lines] = part.split("\n");
      const [text = "", task] = lines.join("\n").split(/^\*Try it:\* /m);
      if (task === undefined) throw new Error(`"${title}" has nothing to try`);
      return { id: idOf(title), title, text: text.trim(), task: sentence(task) };
    });
}

/** As GitHub makes anchors. */
export function idOf(title: string): string {
  return title
    .toLowerCase()
    .replaceAll(/[^\w\s-]/g, "")
    .trim()
    .replaceAll(/\s+/g, "-");
}

function sentence(task: string): string {
  const text = task.trim().replaceAll(/\s+/g, " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

export const TOUR_TEXTS = partsOf(source);
