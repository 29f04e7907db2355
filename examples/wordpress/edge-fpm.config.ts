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
  // Posts that are to appear later, updates. `host: "example.org", scheme: "https"` where that is the site's address.
  cron: [{ schedule: "*/5 * * * *", script: "/wp-cron.php?doing_wp_cron", name: "wp-cron" }],
  purge: {},
});
