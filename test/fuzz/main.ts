// `npm run fuzz -- --minutes 10`: the properties of the codec and the connections, with new inputs for as long as asked;
// without `--minutes` until it is stopped. Prints the seeds, by which a failure can be seen again.

import { parseArgs } from "node:util";
import { CODEC_PROPERTIES } from "../codec/properties.ts";
import { CONNECTION_PROPERTIES } from "../connection/properties.ts";
import { fuzz } from "./fuzz.ts";

const { values } = parseArgs({
  options: {
    minutes: { type: "string" },
    seed: { type: "string" },
    rounds: { type: "string" },
    times: { type: "string" },
    only: { type: "string" },
  },
});

const minutes = number("minutes", values.minutes, Number.POSITIVE_INFINITY);
const most = number("rounds", values.rounds, Number.POSITIVE_INFINITY);
const times = number("times", values.times, 20);
const seed = number("seed", values.seed, Math.floor(Math.random() * 2 ** 31));
const properties = [...CODEC_PROPERTIES, ...CONNECTION_PROPERTIES].filter(
  ({ name }) => values.only === undefined || name.includes(values.only),
);
if (properties.length === 0) fail(`no property is called so: ${values.only}`);

const end = performance.now() + minutes * 60_000;
const result = fuzz({
  properties,
  goOn: () => performance.now() < end,
  rounds: most,
  seed,
  times,
  print: (line) => console.log(line),
});
const megabytes = Math.round(process.memoryUsage().rss / 1024 / 1024);
console.log(
  `${result.rounds} rounds, ${result.inputs} inputs of ${properties.length} properties, ${megabytes} MB at the end`,
);
if (result.failed !== undefined) process.exitCode = 1;

function number(name: string, text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  const value = Number(text);
  if (!Number.isFinite(value) || (value <= 0 && name !== "seed")) fail(`--${name} wants a number, not ${text}`);
  return value;
}

function fail(message: string): never {
  console.error(message);
  process.exit(2);
}
