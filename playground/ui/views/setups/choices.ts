// What is chosen in this view alone.

import { signal } from "@preact/signals";
import { shared } from "../../state/stored.ts";
import type { Setup } from "./setup.ts";
import type { SetupText } from "./texts.ts";

type Choices = Pick<Setup, "root" | "host" | "listen" | "frontController">;

export const DEFAULT_CHOICES: Choices = {
  root: "/var/www/html",
  host: "example.org",
  listen: "unix",
  frontController: false,
};

export const choices = shared<Choices>("setup", DEFAULT_CHOICES, isChoices);

function isChoices(value: unknown): value is Choices {
  const { root, host, listen, frontController } = (value ?? {}) as Partial<Choices>;
  return (
    typeof root === "string" &&
    typeof host === "string" &&
    (listen === "unix" || listen === "tcp") &&
    typeof frontController === "boolean"
  );
}

/** The text that is shown. */
export const shown = signal<SetupText["id"]>("nginx");

export function showSetup(id: SetupText["id"]): void {
  shown.value = id;
}
