// Small applications of our own (sites/) on the frameworks that Debian packages, laid out as Composer would: public/ for
// visitors, the frameworks below vendor/, what scripts write below var/ or storage/.

import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const SITES = fileURLToPath(new URL("sites", import.meta.url));

export interface FrameworkSite {
  /** Of its folder below sites/. */
  readonly name: string;
  /** As the table of figures calls it. */
  readonly title: string;
  /** Debian packages with the framework and all that it asks for. */
  readonly packages: readonly string[];
  /** Files below vendor/ that are loaded at every request, as Composer's `autoload.files`. */
  readonly files: readonly string[];
  /** Folders that must be there. */
  readonly writable: readonly string[];
  /** Names of fields in the form for notes. */
  readonly fields: { readonly title: string; readonly text: string; readonly picture: string };
}

/**
 * @param tree where the packages are unpacked
 * @param root an absent folder to fill
 */
export function layOutFramework(site: FrameworkSite, tree: string, root: string): void {
  cpSync(join(SITES, site.name), root, { recursive: true });
  cpSync(join(tree, "usr/share/php"), join(root, "vendor"), { recursive: true });
  cpSync(join(SITES, "autoload.php"), join(root, "vendor/autoload.php"));
  const list = site.files.map((file) => `    '${file}',\n`).join("");
  writeFileSync(join(root, "vendor/files.php"), `<?php\n\nreturn [\n${list}];\n`);
  for (const folder of site.writable) mkdirSync(join(root, folder), { recursive: true });
}
