// Whether the guided tour is open, and at which step: apart from its text and actions, which are fetched when it opens.

import { signal } from "@preact/signals";
import { parameters } from "../../state/route.ts";

/** The parameter of the address that names the step. */
export const TOUR_PARAMETER = "tour";

/** Id of the step, a heading of docs/how-it-works.md; empty: the first one. */
export const tourStep = signal(parameters.peek().get(TOUR_PARAMETER) ?? "");

export const tourOpen = signal(parameters.peek().has(TOUR_PARAMETER));
