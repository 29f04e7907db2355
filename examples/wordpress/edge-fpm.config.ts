import { defineConfig } from "edge-fpm/gateway";

// Who has one of these cookies sees pages of their own: members, who has written a comment, who knows a page's password.
const own = ["wordpress_logged_in_*", "comment_author_*", "wp-postpass_*"].map((name) => `\${cookie_${name}}`);

export default defineConfig({
  root: "public",
  preset: "wordpress",
  pools: { www: { php: "8.2", maxChildren: 3 } },
  caches: { pages: { store: "memory" } },
  cache: { zone: "pages", valid: { 200: 60 }, bypass: own, noCache: own, lock: true, showStatus: true },
  locations: [{ exact: "/wp-cron.php", cache: false }],
  purge: {},
});
