import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { runProgram } from "../cli/run.ts";
import { fuzz } from "./fuzz.ts";
import { property } from "./property.ts";

const MAIN = join(import.meta.dirname, "main.ts");

test("a round with a fixed seed finds nothing, and tells the seed", async () => {
  const { stdout, stderr, status } = await runProgram(process.execPath, [
    MAIN,
    "--seed",
    "7",
    "--rounds",
    "1",
    "--times",
    "1",
  ]);
  expect(stderr).toBe("");
  expect(stdout).toMatch(
    /^seed 7: all hold, \d+ inputs so far\n1 rounds, \d+ inputs of 10 properties, \d+ MB at the end\n$/,
  );
  expect(status).toBe(0);
});

test("what does not hold ends it, with the smallest input found and how to see it again", () => {
  const lines: string[] = [];
  const small = property("numbers are small", [fc.nat(1000)], (value) => {
    if (value > 500) throw new Error(`${value} is not`);
  });
  const result = fuzz({ properties: [small], goOn: () => true, seed: 1, times: 1, print: (line) => lines.push(line) });
  expect(result.failed).toBe("numbers are small");
  expect(lines.join("\n")).toContain("Counterexample: [501]");
  expect(lines.at(-1)).toBe('again: npm run fuzz -- --seed 1 --rounds 1 --times 1 --only "numbers are small"');
});

test("nonsense on the command line is refused", async () => {
  const { stderr, status } = await runProgram(process.execPath, [MAIN, "--minutes", "many"]);
  expect([stderr, status]).toEqual(["--minutes wants a number, not many\n", 2]);
});
