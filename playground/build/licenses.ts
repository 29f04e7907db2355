// The licences of what the page brings along: of every package with a module in a bundle, and of PHP.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, sep } from "node:path";
import type { Plugin } from "vite";

/** Name of the list in the output. */
const FILE = "licenses.txt";

export interface Licenses {
  /** For the pages: writes the list. */
  readonly page: Plugin;
  /** For the Workers, which are bundled apart, and before. */
  worker(): Plugin;
}

/** @param folders of packages that are in the output, but in no bundle */
export function licenses(folders: readonly string[]): Licenses {
  const found = new Set(folders);
  const collect = (modules: Iterable<string>) => {
    for (const id of modules) {
      const folder = packageFolder(id);
      if (folder !== undefined) found.add(folder);
    }
  };
  const modulesOf = (bundle: Readonly<Record<string, { readonly type: string; readonly moduleIds?: string[] }>>) =>
    Object.values(bundle).flatMap((file) => (file.type === "chunk" ? (file.moduleIds ?? []) : []));
  return {
    page: {
      name: "edge-fpm-licenses",
      generateBundle(_options, bundle) {
        if (this.environment.config.isWorker) return;
        collect(modulesOf(bundle));
        this.emitFile({ type: "asset", fileName: FILE, source: textOf(found) });
      },
    },
    worker: () => ({
      name: "edge-fpm-licenses-worker",
      generateBundle(_options, bundle) {
        collect(modulesOf(bundle));
      },
    }),
  };
}

/** The folder of the package that a module is of, when it is of one. */
function packageFolder(id: string): string | undefined {
  const path = id.replace(/^\0/, "").replace(/\?.*$/, "");
  if (!path.includes(`${sep}node_modules${sep}`)) return undefined;
  for (let folder = dirname(path); dirname(folder) !== folder; folder = dirname(folder)) {
    const manifest = join(folder, "package.json");
    // Packages have further manifests below, without a name and a version.
    if (existsSync(manifest) && "version" in JSON.parse(readFileSync(manifest, "utf8"))) return folder;
  }
  return undefined;
}

function textOf(folders: ReadonlySet<string>): string {
  const parts = [...folders].map((folder) => {
    const { name, version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    const file = readdirSync(folder).find((one) => /^licen[cs]e(\.|$)/i.test(one));
    const text = file === undefined ? "" : `\n${readFileSync(join(folder, file), "utf8").trim()}\n`;
    return { name: String(name), text: `${name} ${version}, ${license}\n${text}` };
  });
  parts.sort((a, b) => (a.name < b.name ? -1 : 1));
  return parts.map(({ text }) => text).join(`\n${"-".repeat(80)}\n\n`);
}
