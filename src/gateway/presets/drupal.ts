// Drupal 8 and later. The root of the site is the `web` folder.

import type { Preset } from "./preset.ts";

/** Seconds. */
const FORTNIGHT = 14 * 24 * 3600;

export const drupal: Preset = {
  settings: { index: ["index.php"], frontController: "/index.php" },
  locations: [
    { exact: "/favicon.ico", accessLog: false },
    { exact: "/robots.txt", accessLog: false },
    // Private files go through Drupal, which asks who may: a request for their folder gets nothing.
    { regex: /^\/sites\/.*\/private\//, deny: true },
    { prefix: "/system/files/", final: true, tryFiles: ["/index.php"] },
    // What visitors may have put there is never run.
    { regex: /^\/sites\/[^/]+\/files\/.*\.(?:php|pht|phar)/i, deny: true },
    { regex: /\/vendor\/.*\.php(?:\/|$)/i, deny: 404 },
    {
      regex:
        /\.(?:engine|inc|install|make|module|profile|po|sh|sql|theme|twig|tpl(?:\.php)?|xtmpl|ya?ml)(?:~|\.sw[op]|\.bak|\.orig|\.save)?$|\/(?:Entries.*|Repository|Root|Tag|Template|composer\.(?:json|lock)|web\.config)$|^\/#.*#$/i,
      deny: 404,
    },
    // Made by Drupal when they are asked for the first time.
    { regex: /^\/sites\/.*\/files\/styles\//, tryFiles: ["$uri", "/index.php"], expires: FORTNIGHT },
    { regex: /^\/sites\/.*\/files\/(?:css|js)\//, tryFiles: ["$uri", "/index.php"], expires: FORTNIGHT },
    // Scripts of Drupal itself; update.php takes a path behind its name.
    {
      regex:
        /^\/(?:index|update|core\/(?:install|rebuild|authorize))\.php(?:\/|$)|^\/core\/modules\/statistics\/statistics\.php$/,
      fastcgi: {},
    },
    { regex: /\.php(?:\/|$)/i, deny: 404 },
    { regex: /\.(?:css|js|mjs|gif|jpe?g|png|webp|avif|svg|ico|woff2?|ttf|otf|eot)$/i, expires: FORTNIGHT },
  ],
};
