// Code and commands in README.md and the pages: what is shown is what is tested.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { cliPage } from "../../docs/build/cli-page.ts";
import { pages } from "../../docs/build/pages.ts";
import { codeOf, fillSnippets, snippetFiles } from "../../docs/build/snippets.ts";
import { parseCommandLine } from "../../src/cli/command.ts";
import { commands } from "../../src/cli/commands.ts";
import { run } from "../cli/run.ts";

const PROJECT = new URL("../../", import.meta.url);
const texts = pages(PROJECT).map((url) => ({
  name: fileURLToPath(url).slice(fileURLToPath(PROJECT).length),
  text: readFileSync(url, "utf8"),
}));
const readme = texts.find(({ name }) => name === "README.md")?.text ?? "";

describe("code in pages", () => {
  test.each(texts.filter(({ text }) => snippetFiles(text).length > 0))(
    "$name shows its files as they are",
    ({ text }) => {
      // Not so? npm run docs:write
      expect(fillSnippets(text, PROJECT)).toBe(text);
    },
  );

  test("README has the three snippets, each from an example", () => {
    expect(snippetFiles(readme)).toEqual([
      "examples/call-php-fpm/main.mjs",
      "examples/hono-behind-nginx/main.mjs",
      "examples/hono-behind-nginx/nginx.conf",
    ]);
  });

  test.each(texts.filter(({ name }) => name === "README.md" || name.startsWith("docs/guide/")))(
    "$name has no program that is not an example's",
    ({ text }) => {
      const programs = [...text.matchAll(/^(.*)\n```(?:js|ts)\n/gm)].map(([, before]) => before);
      expect(programs.filter((before) => !before?.startsWith("<!-- code: examples/"))).toEqual([]);
    },
  );

  test("takes a region without its markers and its indentation, and a whole file without any marker", () => {
    const source = "a\n  // #region x\n  b\n    c\n\n  // #endregion\nd\n";
    expect(codeOf(source, "file", "x")).toBe("b\n  c\n");
    expect(codeOf(source, "file", undefined)).toBe("a\n  b\n    c\n\nd\n");
    expect(() => codeOf(source, "file", "y")).toThrow("file has no #region y");
  });
});

describe("commands in pages", () => {
  const lines = texts.flatMap(({ name, text }) => commandLines(text).map((line) => [name, line] as const));

  test("are found", () => {
    expect(lines.length).toBeGreaterThan(60);
  });

  test.each(lines)("%s: %s", (_name, line) => {
    const [word = "", ...args] = words(line);
    if (word.startsWith("-")) return expect(["--help", "--version"]).toContain(word);
    const command = commands.find(({ name }) => name === word);
    expect(command, `there is no command "${word}"`).toBeDefined();
    if (command !== undefined && !args.includes("--help")) parseCommandLine(command, args);
  });

  test("README's record is explained as README says", async () => {
    const [, hex = "", shown] =
      /^echo ([0-9a-f ]+) \| npx edge-fpm decode\n```\n\n```\n([\s\S]*?)^```$/m.exec(readme) ?? [];
    const { stdout, status } = await run(["decode"], { stdin: hex });
    expect(stdout).toBe(shown);
    expect(status).toBe(0);
  });

  test("README names the two commands to begin with", () => {
    expect(readme).toContain("```sh\nnpm ci && npm start\n```");
    expect(readme).toContain("```sh\nnpm ci && npm test\n```");
  });

  test("npm scripts that pages name exist", () => {
    const { scripts } = JSON.parse(readFileSync(new URL("package.json", PROJECT), "utf8"));
    const named = new Set(
      texts.flatMap(({ text }) => [...text.matchAll(/npm run ([\w:-]+)/g)].map(([, name]) => name)),
    );
    expect([...named].filter((name) => !(name !== undefined && name in scripts))).toEqual([]);
  });
});

describe("docs/cli.md", () => {
  test("is what the tables of the command say", () => {
    // Not so? npm run docs:write
    expect(texts.find(({ name }) => name === "docs/cli.md")?.text).toBe(cliPage(commands));
  });
});

describe("links in pages", () => {
  const root = ["ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "playground/engine/README.md"];
  const others = root.map((name) => ({ name, text: readFileSync(new URL(name, PROJECT), "utf8") }));

  test.each([...texts, ...others])("$name names files that exist", ({ name, text }) => {
    const base = new URL(name, PROJECT);
    const missing = [...text.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)]
      .map(([, link = ""]) => link)
      .filter((link) => !/^[a-z]+:/.test(link) && !link.startsWith("/") && !/(^|\/)api\//.test(link))
      .filter((link) => !existsSync(new URL(link, base)));
    expect(missing).toEqual([]);
  });
});

describe("ARCHITECTURE.md", () => {
  test("names folders and files of src that exist", () => {
    const text = readFileSync(new URL("ARCHITECTURE.md", PROJECT), "utf8");
    const paths = [...text.matchAll(/`(src\/[\w./-]+)`/g)].map(([, path = ""]) => path);
    expect(paths.length).toBeGreaterThan(40);
    expect(paths.filter((path) => !existsSync(new URL(path, PROJECT)))).toEqual([]);
  });
});

describe("decisions", () => {
  test("have a number of their own, which their titles have too", () => {
    const folder = new URL("docs/decisions/", PROJECT);
    const names = readdirSync(folder).filter((name) => /^\d/.test(name));
    const numbers = names.map((name) => name.slice(0, 4));
    expect(numbers).toEqual([...new Set(numbers)]);
    for (const name of names) {
      expect(readFileSync(new URL(name, folder), "utf8").slice(0, 8), name).toBe(`# ${name.slice(0, 4)}. `);
    }
  });
});

/** `edge-fpm ...` in fences of a shell, without comments, pipes and what npm needs. */
function commandLines(text: string): string[] {
  const fences = [...text.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, code = ""]) => code);
  return fences
    .flatMap((code) => code.split("\n"))
    .flatMap((line) => line.replace(/\s+#.*$/, "").split(/\s+[|>]+\s+/))
    .flatMap((line) => {
      const [, rest] = /^(?:npx edge-fpm|edge-fpm|npm run edge-fpm --) (.+)$/.exec(line.trim()) ?? [];
      return rest === undefined || rest.includes("[options]") || rest.includes("|") ? [] : [rest];
    });
}

/** Words of a command line as a shell cuts them: quotes kept together, nothing expanded. */
function words(line: string): string[] {
  return [...line.matchAll(/(?:"[^"]*"|'[^']*'|\S)+/g)].map(([word]) => word.replaceAll(/["']/g, ""));
}
