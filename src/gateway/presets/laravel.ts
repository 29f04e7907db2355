// Laravel. The root of the site is the application's `public` folder.

import type { Preset } from "./preset.ts";

export const laravel: Preset = {
  settings: {
    index: ["index.php"],
    frontController: "/index.php",
    headers: { "X-Frame-Options": "SAMEORIGIN", "X-Content-Type-Options": "nosniff" },
  },
  locations: [
    { exact: "/favicon.ico", accessLog: false },
    { exact: "/robots.txt", accessLog: false },
    // The one script there is.
    { regex: /^\/index\.php(?:\/|$)/, fastcgi: {} },
    { regex: /\.php(?:\/|$)/i, deny: 404 },
  ],
};
