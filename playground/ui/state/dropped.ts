// A zip archive that was dropped anywhere on the page: an application, which its view takes.

import { signal } from "@preact/signals";
import { go } from "./route.ts";

export const dropped = signal<File | undefined>(undefined);

/** To be called once. */
export function watchDrops(): void {
  addEventListener("dragover", (event) => {
    if (event.dataTransfer?.types.includes("Files")) event.preventDefault();
  });
  addEventListener("drop", (event) => {
    const file = event.dataTransfer?.files[0];
    if (file === undefined || event.defaultPrevented) return;
    event.preventDefault();
    if (!/\.zip$/i.test(file.name)) return;
    dropped.value = file;
    go("site");
  });
}
