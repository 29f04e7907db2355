// The documentation as a site.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { type DefaultTheme, defineConfig } from "vitepress";
import { siteLinks } from "./links.ts";

/** Made by typedoc; without it (`vitepress dev` in a fresh checkout) the reference is left out. */
const API = new URL("../api/typedoc-sidebar.json", import.meta.url);
const api: DefaultTheme.SidebarItem[] = existsSync(API) ? JSON.parse(readFileSync(API, "utf8")) : [];

/** The playground's. */
const ICON = readFileSync(new URL("../../playground/public/icon.svg", import.meta.url), "utf8");

/** "0001. Names and values ...", in their order. */
const DECISIONS = new URL("../decisions/", import.meta.url);
const decisions = readdirSync(DECISIONS)
  .filter((name) => /^\d/.test(name))
  .sort()
  .map((name) => ({
    text: readFileSync(new URL(name, DECISIONS), "utf8").split("\n", 1)[0]?.replace(/^# /, "") ?? name,
    link: `/decisions/${name.replace(/\.md$/, "")}`,
  }));

export default defineConfig({
  title: "edge-fpm",
  description: "php-fpm's master and children, and FastCGI itself, for runtimes that have no processes",
  lang: "en",
  cleanUrls: true,
  head: [["link", { rel: "icon", type: "image/svg+xml", href: `data:image/svg+xml,${encodeURIComponent(ICON)}` }]],
  rewrites: { "decisions/README.md": "decisions/index.md" },
  markdown: { config: (markdown) => markdown.use(siteLinks) },
  vite: { build: { chunkSizeWarningLimit: 1500 } },
  themeConfig: {
    search: { provider: "local" },
    outline: [2, 3],
    nav: [
      { text: "Guide", link: "/guide/getting-started" },
      { text: "Configuration", link: "/configuration" },
      { text: "Reference", link: "/api/" },
      { text: "Changes", link: "/changelog" },
    ],
    sidebar: [
      {
        text: "Guide",
        items: [
          { text: "Getting started", link: "/guide/getting-started" },
          { text: "PHP on Node", link: "/guide/php-on-node" },
          { text: "WordPress", link: "/guide/wordpress" },
          { text: "Laravel, Symfony, Slim", link: "/guide/frameworks" },
          { text: "Client", link: "/guide/client" },
          { text: "Server", link: "/guide/server" },
          { text: "Codec and connection", link: "/guide/codec" },
          { text: "Debugger", link: "/debugger" },
        ],
      },
      {
        text: "How it works",
        items: [
          { text: "CGI, FastCGI, php-fpm", link: "/how-it-works" },
          { text: "Architecture", link: "/architecture" },
          { text: "PHP in WebAssembly", link: "/php" },
          { text: "The file system of a pool", link: "/filesystem" },
          { text: "The network from PHP", link: "/network" },
          { text: "Decisions", link: "/decisions/", collapsed: true, items: decisions },
        ],
      },
      {
        text: "Configuration",
        items: [
          { text: "The gateway", link: "/configuration" },
          { text: "Cache", link: "/cache" },
          { text: "Upstreams", link: "/upstreams" },
          { text: "Schedules", link: "/schedules" },
          { text: "Mail", link: "/mail" },
          { text: "Watching a pool", link: "/monitoring" },
          { text: "php-fpm.conf", link: "/php-fpm-conf" },
        ],
      },
      {
        text: "Deployment",
        items: [
          { text: "Cloudflare", link: "/deploy-cloudflare" },
          { text: "Behind nginx, Apache, Caddy", link: "/self-hosting" },
          { text: "From nginx and php-fpm", link: "/migration" },
          { text: "nginx's configuration", link: "/import-nginx" },
          { text: "Security", link: "/security" },
          { text: "Compatibility", link: "/compatibility" },
        ],
      },
      {
        text: "Reference",
        items: [
          { text: "API", link: "/api/", collapsed: true, items: api },
          { text: "Command line", link: "/cli" },
          { text: "Errors", link: "/errors" },
          { text: "Performance", link: "/performance" },
          { text: "Changes", link: "/changelog" },
        ],
      },
    ],
  },
});
