// Symfony. The root of the site is the application's `public` folder.

import type { Preset } from "./preset.ts";

export const symfony: Preset = {
  settings: { index: ["index.php"], frontController: "/index.php" },
  locations: [
    // Reached through paths that do not exist: nobody sees /index.php/page beside /page.
    { regex: /^\/index\.php(?:\/|$)/, internal: true, fastcgi: {} },
    // Every other script is none for visitors, those that a bundle left in the folder included.
    { regex: /\.php(?:\/|$)/i, deny: 404 },
  ],
};
