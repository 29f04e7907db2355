import { describe, test } from "vitest";
import { CODEC_PROPERTIES } from "./properties.ts";

describe("for every input", () => {
  for (const { name, check } of CODEC_PROPERTIES) test(name, () => check());
});
