// Whether the guided tour is open, and at which step: apart from its text and actions, which are fetched when it opens.

import { effect, signal } from "@preact/signals";
import { hrefOf, parameters, view } from "../../state/route.ts";

/** The parameter of the address that names the step. */
export const TOUR_PARAMETER = "tour";

/** Id of the step, made of a heading of docs/how-it-works.md; empty: the first one. */
export const tourStep = signal(parameters.peek().get(TOUR_PARAMETER) ?? "");

export const tourOpen = signal(parameters.peek().has(TOUR_PARAMETER));

/** What had the focus when the tour was opened: it gets it back. */
let opener: Element | null = null;

export function openTour(step?: string): void {
  opener = document.activeElement;
  if (step !== undefined) tourStep.value = step;
  tourOpen.value = true;
}

export function closeTour(): void {
  tourOpen.value = false;
  if (opener instanceof HTMLElement) opener.focus();
}

// An address that names a step opens it, also one that is followed later.
let known = parameters.peek();
effect(() => {
  const query = parameters.value;
  if (query === known) return;
  known = query;
  const step = query.get(TOUR_PARAMETER);
  if (step === null) return;
  tourStep.value = step;
  tourOpen.value = true;
});

// And the address names the step that is shown, in whichever view: links of the page name a view only.
effect(nameStep);
addEventListener("hashchange", nameStep);

function nameStep(): void {
  const query = new URLSearchParams(location.hash.split("?")[1]);
  if (tourOpen.value) query.set(TOUR_PARAMETER, tourStep.value);
  else query.delete(TOUR_PARAMETER);
  const address = hrefOf(view.value, query);
  if (address === location.hash || (!tourOpen.value && location.hash === "")) return;
  window.history.replaceState(null, "", address);
}
