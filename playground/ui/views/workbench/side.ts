// Which side of the workbench is seen on a narrow screen, where there is room for one.

import { signal } from "@preact/signals";

export const SIDES = [
  { name: "request", title: "Request and answer" },
  { name: "wire", title: "Wire" },
] as const;

export const side = signal<(typeof SIDES)[number]["name"]>("request");

export function showWire(): void {
  side.value = "wire";
}
