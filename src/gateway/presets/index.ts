// Tables of locations for applications that many people run: what each project recommends for nginx, in our words.

import type { PresetName } from "../config/config.ts";
import { drupal } from "./drupal.ts";
import { laravel } from "./laravel.ts";
import type { Preset } from "./preset.ts";
import { symfony } from "./symfony.ts";
import { wordpress } from "./wordpress.ts";

export type { Preset } from "./preset.ts";

export const PRESETS: Readonly<Record<PresetName, Preset>> = { wordpress, laravel, symfony, drupal };

export function presetLocations(name: PresetName): Preset {
  return PRESETS[name];
}
