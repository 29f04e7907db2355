// The API reference: one page for each entry point of the package.

import { readFileSync } from "node:fs";

const { exports } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
const entryPoints = Object.values(exports)
  .filter((entry) => typeof entry === "object")
  .map(({ types }) => types.replace("./dist/src/", "../src/").replace(/\.d\.ts$/, ".ts"));

/** `platform/node` is imported as `edge-fpm/node`. */
function nameAfterExports(app) {
  app.converter.on("resolveBegin", ({ project }) => {
    for (const module of project.children) module.name = module.name.replace(/^platform\//, "");
  });
}

/** @type {import("typedoc").TypeDocOptions & import("typedoc-plugin-markdown").PluginOptions} */
export default {
  name: "API",
  entryPoints,
  plugin: ["typedoc-plugin-markdown", "typedoc-vitepress-theme", nameAfterExports],
  tsconfig: "../tsconfig.json",
  // The project's own compiler has checked the types; this one is only here for typedoc.
  skipErrorChecking: true,
  markdown: "api",
  // For the test that every export has a doc comment.
  json: ".vitepress/cache/api.json",
  docsRoot: ".",
  router: "module",
  readme: "none",
  pageTitleTemplates: { index: "API", module: ({ name }) => `edge-fpm/${name}` },
  groupOrder: ["Functions", "Classes", "Interfaces", "Type Aliases", "Variables"],
  disableSources: true,
  githubPages: false,
  excludePrivate: true,
  excludeInternal: true,
  hideBreadcrumbs: true,
  hidePageHeader: true,
  useHTMLAnchors: true,
  parametersFormat: "table",
  interfacePropertiesFormat: "table",
  typeDeclarationFormat: "table",
  validation: { notExported: false, invalidLink: true, notDocumented: false },
  treatValidationWarningsAsErrors: true,
};
