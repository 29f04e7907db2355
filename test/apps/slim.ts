import type { FrameworkSite } from "./framework-site.ts";

/** Slim 3 with Twig, PHP's own sessions and PDO on SQLite. */
export const SLIM: FrameworkSite = {
  name: "slim",
  title: "Slim 3",
  packages: ["php-slim", "php-pimple", "php-nikic-fast-route", "php-psr-container", "php-psr-http-message", "php-twig"],
  files: ["FastRoute/functions.php"],
  writable: ["var"],
  fields: { title: "title", text: "text", picture: "picture" },
};
