// WordPress, alone or as a network of sites in folders. Permalinks need nothing but the front controller.

import type { Preset } from "./preset.ts";

/** Seconds. Themes and plugins name the version of what they link to in the query. */
const MONTH = 30 * 24 * 3600;

export const wordpress: Preset = {
  settings: { index: ["index.php", "index.html"], frontController: "/index.php" },
  locations: [
    // Passwords; run by other scripts only.
    {
      regex:
        /^\/(?:wp-config(?:-sample)?\.php|wp-includes\/(?!js\/tinymce\/wp-tinymce\.php|ms-files\.php).*\.php|wp-admin\/includes\/)/i,
      deny: 404,
    },
    // What visitors may have put there is never run.
    { regex: /^\/wp-content\/(?:uploads|files|blogs\.dir|upgrade)\/.*\.(?:php|pht|phar)/i, deny: true },
    { regex: /^\/(?:readme\.html|license\.txt|wp-content\/debug\.log)$/i, deny: 404 },
    // A network in folders: /shop/wp-admin/ and /shop/wp-login.php are the same files as without /shop.
    {
      regex:
        /^\/(?!wp-(?:admin|content|includes)\/)[_0-9a-zA-Z-]+(\/wp-(?:(?:admin|content|includes)\/.*|[a-z-]+\.php))$/,
      tryFiles: ["$uri", "$uri/", "$1"],
    },
    { exact: "/favicon.ico", accessLog: false },
    // Made by WordPress when there is no file.
    { exact: "/robots.txt", accessLog: false },
    { regex: /\.(?:css|js|mjs|gif|jpe?g|png|webp|avif|svg|ico|woff2?|ttf|otf|eot|mp4|webm)$/i, expires: MONTH },
  ],
};
