// The routes of a gateway of one site: static files and scripts below one folder.

import { encodePath, scriptPath } from "../../cgi/index.ts";
import type { Routes } from "../answer/step.ts";
import type { GatewayOptions } from "../options.ts";
import type { ScriptSettings } from "../script/script-settings.ts";
import { type LocateOptions, locate } from "./locate.ts";

export function siteRoutes(options: GatewayOptions, settings: ScriptSettings): Routes {
  const { files } = options;
  const { documentRoot } = settings;
  const locating: LocateOptions = {
    index: options.index ?? ["index.php", "index.html"],
    frontController: options.frontController,
    scriptExtensions: options.scriptExtensions ?? [".php"],
  };
  return {
    async next(visit, _from, named) {
      if (named !== undefined) {
        return { decision: { type: "deny", status: 500, reason: `there is no location ${named}` }, settings, visit };
      }
      const found = await locate(visit.path, files, locating);
      switch (found.type) {
        case "script": {
          const script = scriptPath(documentRoot, found.script);
          return { decision: { type: "script", script, documentRoot }, settings, visit };
        }
        case "redirect": {
          const query = visit.target.query === "" ? "" : `?${visit.target.query}`;
          const location = encodePath(found.path) + query;
          return { decision: { type: "redirect", status: 301, location }, settings, visit };
        }
        default:
          return { decision: found, settings, visit };
      }
    },
  };
}
