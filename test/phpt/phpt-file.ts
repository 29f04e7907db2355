// A .phpt file of php-src: named sections, each from a line "--NAME--" to the next one. Texts are byte strings, because
// tests of encodings hold bytes that are no UTF-8.

/** The sections of one test, by name. */
export type Sections = ReadonlyMap<string, string>;

const HEADING = /^--([_A-Z]+)--\s*$/;

/** Reads the text of a .phpt file. Line ends of a section belong to it. */
export function parsePhpt(text: string): Sections {
  const sections = new Map<string, string>();
  let name: string | undefined;
  for (const line of text.split(/(?<=\n)/)) {
    const found = HEADING.exec(line)?.[1];
    if (found !== undefined) {
      name = found;
      sections.set(name, "");
    } else if (name !== undefined) {
      sections.set(name, sections.get(name) + line);
    }
  }
  return sections;
}

/** "name=value" lines of a section, in their order. A name may be there several times. */
export function settingsOf(text: string): (readonly [name: string, value: string])[] {
  const settings: (readonly [string, string])[] = [];
  for (const line of text.split(/[\r\n]+/)) {
    const equals = line.indexOf("=");
    if (equals > 0) settings.push([line.slice(0, equals).trim(), line.slice(equals + 1).trim()]);
  }
  return settings;
}
