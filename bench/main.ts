// `npm run bench`: every figure that the documentation names, measured side by side in one run.
//   --quick        shorter rounds: under two minutes in all, and only good for a look
//   --only <name>  some suites, by name, separated by commas
//   --json <file>  machine, versions and rows as JSON too
//   --write        puts tables and pictures into docs/performance.md

import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { benchCache } from "./cache.ts";
import { benchCgi } from "./cgi.ts";
import { benchCodec } from "./codec/index.ts";
import { benchEdge } from "./edge.ts";
import { benchGateway } from "./gateway.ts";
import { benchHttp } from "./http.ts";
import { benchInside } from "./inside.ts";
import { describeMachine, machineLine } from "./machine.ts";
import { benchScale } from "./scale/index.ts";
import { benchSnapshot } from "./snapshot.ts";
import { renderSummary, renderTable, type Table } from "./table.ts";
import { benchWordPress } from "./wordpress.ts";
import { writePage } from "./write-page.ts";

const suites: Readonly<Record<string, (quick: boolean) => Promise<readonly Table[]>>> = {
  codec: benchCodec,
  inside: benchInside,
  cgi: benchCgi,
  snapshot: benchSnapshot,
  http: benchHttp,
  gateway: benchGateway,
  cache: benchCache,
  scale: benchScale,
  wordpress: benchWordPress,
  edge: benchEdge,
};

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    only: { type: "string" },
    json: { type: "string" },
    write: { type: "boolean", default: false },
  },
});

const names = values.only?.split(",") ?? Object.keys(suites);
const unknown = names.filter((name) => suites[name] === undefined);
if (unknown.length > 0) {
  console.error(`no suite ${unknown.join(", ")}; there are ${Object.keys(suites).join(", ")}`);
  process.exit(64);
}

const machine = describeMachine();
const tables: Table[] = [];
console.log(`${machineLine(machine)}\n`);
for (const name of names) {
  for (const table of (await suites[name]?.(values.quick)) ?? []) {
    tables.push(table);
    console.log(renderTable(table));
  }
}
console.log(`### Targets\n\n${renderSummary(tables)}\n`);
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify({ machine, tables }, null, 2)}\n`);
if (values.write) writePage(machine, tables);
