// `npm run bench`: every figure that the documentation names, measured side by side in one run.
//   --quick        shorter rounds
//   --only <name>  one suite (codec, cache, http, gateway, cgi, edge)
//   --json <file>  the rows as JSON too

import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { benchCache } from "./cache.ts";
import { benchCgi } from "./cgi.ts";
import { benchCodec } from "./codec.ts";
import { benchEdge } from "./edge.ts";
import { benchGateway } from "./gateway.ts";
import { benchHttp } from "./http.ts";
import { renderTable, type Table } from "./table.ts";

const { values } = parseArgs({
  options: { quick: { type: "boolean", default: false }, only: { type: "string" }, json: { type: "string" } },
});

const suites: Readonly<Record<string, (quick: boolean) => Promise<readonly Table[]>>> = {
  codec: benchCodec,
  cache: benchCache,
  http: benchHttp,
  gateway: benchGateway,
  cgi: benchCgi,
  edge: benchEdge,
};

const tables: Table[] = [];
const processor = cpus();
console.log(`Node ${process.version}, ${processor.length} x ${processor[0]?.model ?? "unknown processor"}\n`);
for (const [name, suite] of Object.entries(suites)) {
  if (values.only !== undefined && values.only !== name) continue;
  for (const table of await suite(values.quick)) {
    tables.push(table);
    console.log(renderTable(table));
  }
}
if (values.json !== undefined) {
  writeFileSync(values.json, `${JSON.stringify({ node: process.version, tables }, null, 2)}\n`);
}
