// `npm run bench`: every figure that the documentation names, measured side by side in one run.
//   --quick        shorter rounds: under two minutes in all, and only good for a look
//   --only <name>  some suites, by name, separated by commas
//   --json <file>  machine, versions and rows as JSON too
//   --write        puts tables and pictures into docs/performance.md

import { fork } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { describeMachine, machineLine } from "./machine.ts";
import { suites } from "./suites.ts";
import { renderSummary, renderTable, type Table } from "./table.ts";
import { writePage } from "./write-page.ts";

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    only: { type: "string" },
    json: { type: "string" },
    write: { type: "boolean", default: false },
  },
});

const all = Object.keys(suites);
const wanted = values.only?.split(",") ?? all;
const isPartOf = (suite: string, name: string) => suite === name || suite.startsWith(`${name}/`);
const unknown = wanted.filter((name) => !all.some((suite) => isPartOf(suite, name)));
if (unknown.length > 0) {
  console.error(`no suite ${unknown.join(", ")}; there are ${all.join(", ")}`);
  process.exit(64);
}

const machine = describeMachine();
const tables: Table[] = [];
const seconds: string[] = [];
console.log(`${machineLine(machine)}\n`);
for (const suite of all.filter((name) => wanted.some((one) => isPartOf(name, one)))) {
  const began = performance.now();
  for (const table of await run(suite)) {
    tables.push(table);
    console.log(renderTable(table));
  }
  seconds.push(`${suite} ${((performance.now() - began) / 1000).toFixed(1)}`);
}
console.log(`### Targets\n\n${renderSummary(tables)}\n`);
console.log(`It took ${(performance.now() / 1000).toFixed(0)} s: ${seconds.join(", ")}.\n`);
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify({ machine, tables }, null, 2)}\n`);
if (values.write) writePage(machine, tables);

async function run(suite: string): Promise<readonly Table[]> {
  const child = fork(new URL("suite.ts", import.meta.url), [suite, values.quick ? "quick" : "full"]);
  let told: readonly Table[] = [];
  child.on("message", (message) => {
    told = message as readonly Table[];
  });
  const [code] = await once(child, "close");
  if (code !== 0) {
    console.error(`suite ${suite} failed`);
    process.exit(1);
  }
  return told;
}
