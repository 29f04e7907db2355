// The documentation as a site: built as `npm run docs:build` does, its links followed, its API reference complete.

import { execFile } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeScratch, type Scratch } from "../peers/scratch.ts";

const DOCS = fileURLToPath(new URL("../../docs", import.meta.url));
const MODULES = fileURLToPath(new URL("../../node_modules", import.meta.url));

/** What typedoc tells of an export. */
interface Documented {
  readonly name: string;
  readonly variant: string;
  readonly comment?: { readonly summary: readonly unknown[]; readonly blockTags?: readonly unknown[] };
  readonly signatures?: readonly Documented[];
  readonly children?: readonly Documented[];
  readonly type?: { readonly declaration?: Documented };
}

let scratch: Scratch;
/** The pages by their address, such as `/guide/client`. */
const pages = new Map<string, string>();

beforeAll(async () => {
  scratch = makeScratch("site");
  // typedoc is the documentation's own: it needs another TypeScript than the project.
  const typedoc = join(DOCS, "node_modules/typedoc/bin/typedoc");
  await succeed([typedoc]);
  const vitepress = join(MODULES, "vitepress/bin/vitepress.js");
  // A link to a page that is not there is an error of the build.
  await succeed([vitepress, "build", ".", "--outDir", scratch.path]);
  for (const file of readdirSync(scratch.path, { recursive: true, encoding: "utf8" })) {
    if (!file.endsWith(".html") || file === "404.html") continue;
    const address = `/${file.replace(/\.html$/, "").replace(/(^|\/)index$/, "$1")}`;
    pages.set(address, readFileSync(join(scratch.path, file), "utf8"));
  }
}, 200_000);
afterAll(() => scratch?.remove());

describe("the site", () => {
  test("has its pages", () => {
    expect([...pages.keys()]).toEqual(
      expect.arrayContaining(["/", "/guide/getting-started", "/architecture", "/decisions/", "/api/", "/api/client"]),
    );
  });

  test("leads from its sidebar to every page", () => {
    const links = linksOf(pages.get("/guide/getting-started") ?? "");
    expect([...pages.keys()].filter((address) => !links.includes(address) && address !== "/")).toEqual([]);
  });

  test("has no link to a page, a heading or a picture that is not there", () => {
    const dead: string[] = [];
    for (const [address, html] of pages) {
      for (const link of linksOf(html)) {
        if (/^(?:[a-z]+:|\/assets\/|\/vp-icons)/.test(link)) continue;
        const [path = "", fragment] = link.split("#", 2);
        const target = path === "" ? address : posix.resolve(posix.dirname(address), path);
        const page = pages.get(target) ?? pages.get(`${target}/`);
        if (page === undefined) dead.push(`${address}: ${link}`);
        else if (fragment && !page.includes(`id="${decodeURIComponent(fragment)}"`)) dead.push(`${address}: ${link}`);
      }
      for (const [, source = ""] of html.matchAll(/<img[^>]* src="([^"]+)"/g)) {
        if (source.startsWith("/") && !existsSync(join(scratch.path, source))) dead.push(`${address}: ${source}`);
      }
    }
    expect(dead).toEqual([]);
  });
});

describe("the API reference", () => {
  let modules: readonly Documented[];
  beforeAll(() => {
    modules = JSON.parse(readFileSync(join(DOCS, ".vitepress/cache/api.json"), "utf8")).children;
  });

  test("has a page for each entry point of the package", () => {
    const { exports } = JSON.parse(readFileSync(join(DOCS, "../package.json"), "utf8"));
    const entries = Object.keys(exports).filter((name) => name !== "./package.json");
    expect(modules.map(({ name }) => `./${name}`).sort()).toEqual(entries.sort());
    for (const { name } of modules) expect(pages.has(`/api/${name}`), name).toBe(true);
  });

  test("finds a doc comment at every export", () => {
    const bare = modules.flatMap(({ name: module, children = [] }) =>
      children
        .filter((child) => child.variant !== "reference" && !hasComment(child))
        .map(({ name }) => `${module}: ${name}`),
    );
    expect(bare).toEqual([]);
  });
});

/** Runs a program of the documentation; its failure shows what it said. */
async function succeed(args: readonly string[]): Promise<void> {
  const env = { ...process.env, NO_COLOR: "1" };
  await promisify(execFile)(process.execPath, args, { cwd: DOCS, env, timeout: 100_000 }).catch(
    ({ stdout = "", stderr = "" }) => {
      throw new Error(`${args.join(" ")} failed\n${stdout}${stderr}`);
    },
  );
}

function linksOf(html: string): string[] {
  return [...html.matchAll(/<a[^>]* href="([^"]+)"/g)].map(([, link = ""]) => link.replaceAll("&amp;", "&"));
}

function hasComment({ comment, signatures = [], type }: Documented): boolean {
  if (comment !== undefined && (comment.summary.length > 0 || (comment.blockTags ?? []).length > 0)) return true;
  return signatures.some(hasComment) || (type?.declaration !== undefined && hasComment(type.declaration));
}
