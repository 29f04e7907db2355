// What is chosen in this view alone.

import { signal } from "@preact/signals";
import type { Setup } from "./setup.ts";
import type { SetupText } from "./texts.ts";

export const choices = signal<Pick<Setup, "root" | "host" | "listen" | "frontController">>({
  root: "/var/www/html",
  host: "example.org",
  listen: "unix",
  frontController: false,
});

/** The text that is shown. */
export const shown = signal<SetupText["id"]>("nginx");

export function showSetup(id: SetupText["id"]): void {
  shown.value = id;
}
