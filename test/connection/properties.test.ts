import { describe, test } from "vitest";
import { CONNECTION_PROPERTIES } from "./properties.ts";

describe("for every input", () => {
  for (const { name, check } of CONNECTION_PROPERTIES) test(name, () => check());
});
