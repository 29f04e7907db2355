// The extensions that a php.ini asks for: found in its parts, and told apart from those that are built in.

import { PhpError } from "./errors.ts";
import type { IniParts } from "./ini.ts";

/**
 * Extensions that the builds have inside. A line that asks for one of them has nothing to do: elsewhere they are
 * often files of their own, and a php.ini is carried along.
 */
const BUILT_IN: ReadonlySet<string> = new Set(
  `bcmath calendar ctype curl date dom exif fileinfo filter gd gd2 hash iconv imagick json libxml mbstring mysqli
  mysqlnd opcache openssl pcre pdo pdo_mysql pdo_sqlite phar random reflection session simplexml soap spl sqlite3
  standard tokenizer xml xmlreader xmlwriter zip zlib`.split(/\s+/),
);

/** An extension that is not built in. */
export interface WantedExtension {
  /** Such as "intl". */
  readonly name: string;
  /** As php.ini asks for it. */
  readonly directive: "extension" | "zend_extension";
}

/** A php.ini without its lines for extensions, and what they said. */
export interface SplitExtensions {
  readonly ini: IniParts;
  /** In their order, each once. */
  readonly wanted: readonly WantedExtension[];
}

const LINE = /^([ \t]*)(zend_extension|extension)[ \t]*=[ \t]*(.*?)[ \t]*$/gim;

/**
 * Takes the extensions out of a php.ini. Values are what PHP takes: "intl", "intl.so", "php_intl.dll" or a path that
 * ends so; a single setting may name several, separated by commas.
 */
export function splitExtensions(ini: IniParts): SplitExtensions {
  const wanted = new Map<string, WantedExtension>();
  const want = (directive: string, value: string): void => {
    for (const part of value.split(",")) {
      const name = nameOf(part);
      if (name === "" || BUILT_IN.has(name)) continue;
      wanted.set(name, { name, directive: directive.toLowerCase() === "extension" ? "extension" : "zend_extension" });
    }
  };
  const text = ini.text?.replace(LINE, (_line, blanks: string, directive: string, value: string) => {
    want(directive, value);
    return `${blanks};`;
  });
  const settings = without(ini.settings, want);
  const adminSettings = without(ini.adminSettings, want);
  return {
    ini: {
      ...ini,
      ...(text !== undefined && { text }),
      ...(settings !== undefined && { settings }),
      ...(adminSettings !== undefined && { adminSettings }),
    },
    wanted: [...wanted.values()],
  };
}

/**
 * The error for an extension that cannot be had.
 *
 * @param there the names of those that can
 * @param where whose they are: "PHP 8.2", "at the edge"
 */
export function noSuchExtension(name: string, there: readonly string[], where: string): PhpError {
  const loadable = there.length === 0 ? "none can be loaded" : `to be loaded: ${there.join(", ")}`;
  const builtIn = [...BUILT_IN].join(", ");
  return new PhpError(
    "PHP_EXTENSION",
    `php.ini asks for the extension "${name}", which there is not (${where}); ${loadable}; built in: ${builtIn}`,
  );
}

type Settings = NonNullable<IniParts["settings"]>;

function without(
  settings: Settings | undefined,
  want: (directive: string, value: string) => void,
): Settings | undefined {
  if (settings === undefined) return undefined;
  const rest = Object.entries(settings).filter(([name, value]) => {
    if (name !== "extension" && name !== "zend_extension") return true;
    want(name, String(value));
    return false;
  });
  return Object.fromEntries(rest);
}

/** The bare name in one value of `extension`. */
function nameOf(value: string): string {
  const bare = value
    .replace(/^[ \t]*(["'])(.*?)\1.*$/, "$2")
    .replace(/[ \t]*;.*$/, "")
    .trim();
  return bare
    .replace(/^.*[/\\]/, "")
    .replace(/^php_(?=.*\.dll$)/i, "")
    .replace(/\.(so|dll)$/i, "")
    .toLowerCase();
}
