// What a preset is: settings of the site, rewrites and locations. A site's own go before them.

import type { Location, LocationSettings, Rewrite } from "../config/location.ts";

export interface Preset {
  readonly settings: LocationSettings;
  readonly rewrite?: readonly Rewrite[];
  readonly locations: readonly Location[];
}
