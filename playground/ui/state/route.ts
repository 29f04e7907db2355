// Which view is on the screen, as the address says: `#/wire`. What follows a `?` belongs to permalinks (share.ts).

import { computed, signal } from "@preact/signals";

export const VIEWS = [
  { name: "workbench", title: "Workbench", summary: "Send a request, watch its records" },
  { name: "multiplex", title: "Multiplex", summary: "Several requests on one connection" },
  { name: "break", title: "Break it", summary: "Send any bytes to the application" },
  { name: "pool", title: "Pool", summary: "Children, queue and load; the process manager's numbers" },
  { name: "compare", title: "CGI or FastCGI", summary: "A fresh interpreter for each request, or a resident one" },
  { name: "site", title: "Application", summary: "Run an application of your own: drop its zip" },
  { name: "setups", title: "Set-ups", summary: "What is on the screen, as configuration of real servers" },
  { name: "captures", title: "Captures", summary: "Open and write captures of Wireshark" },
] as const;

export type ViewName = (typeof VIEWS)[number]["name"];

const hash = signal(location.hash);
addEventListener("hashchange", () => {
  hash.value = location.hash;
});

/** The view of the address; the workbench when it names none. */
export const view = computed<ViewName>(() => {
  const name = /^#\/([a-z]+)/.exec(hash.value)?.[1];
  return VIEWS.find((known) => known.name === name)?.name ?? "workbench";
});

/** Parameters behind the view's name. */
export const parameters = computed(() => {
  const question = hash.value.indexOf("?");
  return new URLSearchParams(question === -1 ? "" : hash.value.slice(question + 1));
});

/** The address of a view. */
export function hrefOf(name: ViewName, query?: URLSearchParams): string {
  const text = query?.toString() ?? "";
  return `#/${name}${text === "" ? "" : `?${text}`}`;
}

export function go(name: ViewName): void {
  location.hash = hrefOf(name);
}
