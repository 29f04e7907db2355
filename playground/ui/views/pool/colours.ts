// The page's colours for canvases, which know no custom properties.

/** A custom property as a colour that canvases take, in the theme of `element`. */
export function colourOf(element: HTMLElement, property: string): string {
  const probe = document.createElement("span");
  probe.style.color = `var(${property})`;
  element.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

/** Several at once, by their names. */
export function coloursOf<Name extends string>(
  element: HTMLElement,
  properties: Readonly<Record<Name, string>>,
): Record<Name, string> {
  const entries = Object.entries<string>(properties).map(([name, property]) => [name, colourOf(element, property)]);
  return Object.fromEntries(entries) as Record<Name, string>;
}
