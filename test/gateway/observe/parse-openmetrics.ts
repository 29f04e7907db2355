// A reader of OpenMetrics text that takes nothing but what version 1.0.0 allows, and says at which line it stopped.

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Family {
  readonly name: string;
  readonly type: string;
  readonly help: string | undefined;
  readonly unit: string | undefined;
  readonly samples: readonly Sample[];
}

const SUFFIXES: Readonly<Record<string, readonly string[]>> = {
  counter: ["_total", "_created"],
  gauge: [""],
  histogram: ["_bucket", "_sum", "_count", "_created"],
  stateset: [""],
};
const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const NUMBER = /^(?:[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:e[+-]?[0-9]+)?|\+Inf|-Inf|NaN)$/i;

/** @throws {Error} naming the line */
export function parseOpenmetrics(text: string): Map<string, Family> {
  if (!text.endsWith("# EOF\n")) throw new Error("does not end in # EOF and a line feed");
  const families = new Map<string, { name: string; type?: string; help?: string; unit?: string; samples: Sample[] }>();
  let current: { name: string; type?: string; help?: string; unit?: string; samples: Sample[] } | undefined;
  const lines = text.slice(0, -"# EOF\n".length).split("\n");
  if (lines.pop() !== "") throw new Error("a line without its end before # EOF");

  for (const [index, line] of lines.entries()) {
    const fail = (what: string): never => {
      throw new Error(`line ${index + 1}: ${what}: ${line}`);
    };
    if (line.startsWith("#")) {
      const match = /^# (TYPE|HELP|UNIT) ([^ ]+) (.*)$/.exec(line);
      if (match === null) return fail("no metadata");
      const [, kind = "", name = "", value = ""] = match;
      if (!NAME.test(name)) fail("bad name");
      if (current?.name !== name) {
        if (families.has(name)) fail("a family in two pieces");
        current = { name, samples: [] };
        families.set(name, current);
      }
      if (current.samples.length > 0) fail("metadata behind samples");
      const key = kind.toLowerCase() as "type" | "help" | "unit";
      if (current[key] !== undefined) fail("metadata twice");
      if (key === "type" && SUFFIXES[value] === undefined) fail("unknown type");
      if (key === "unit" && !name.endsWith(`_${value}`)) fail("a unit that the name does not end in");
      if (key === "help" && /\\(?![\\n"])/.test(value)) fail("bad escape");
      current[key] = value;
      continue;
    }
    const match = /^([^ {]+)(?:\{(.*)\})? ([^ ]+)$/.exec(line);
    if (match === null || current === undefined) return fail("no sample");
    const [, name = "", labelText = "", number = ""] = match;
    if (!NAME.test(name) || !NUMBER.test(number)) fail("bad sample");
    const suffix = name.slice(current.name.length);
    if (!name.startsWith(current.name) || !SUFFIXES[current.type ?? ""]?.includes(suffix)) fail("not of this family");
    const labels = parseLabels(labelText, fail);
    const value = number === "+Inf" ? Number.POSITIVE_INFINITY : Number(number);
    if (current.type === "counter" && !(value >= 0)) fail("a counter below zero");
    const same = JSON.stringify([name, Object.entries(labels).sort()]);
    if (current.samples.some((one) => JSON.stringify([one.name, Object.entries(one.labels).sort()]) === same))
      fail("twice");
    if (current.type === "stateset" && ((value !== 0 && value !== 1) || labels[current.name] === undefined))
      fail("no state");
    current.samples.push({ name, labels, value });
  }
  for (const family of families.values()) {
    if (family.type === undefined) throw new Error(`${family.name} has no type`);
    if (family.type === "histogram") checkHistogram(family.name, family.samples);
  }
  return families as Map<string, Family>;
}

function parseLabels(text: string, fail: (what: string) => never): Record<string, string> {
  const labels: Record<string, string> = {};
  let rest = text;
  while (rest !== "") {
    const match = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\n"])*)"(,|$)/.exec(rest);
    if (match === null) return fail("bad labels");
    const [whole, name = "", value = "", comma] = match;
    if (name in labels) fail("a label twice");
    labels[name] = value.replace(/\\(.)/g, (_all, char: string) => (char === "n" ? "\n" : char));
    rest = rest.slice(whole.length);
    if (comma === "," && rest === "") fail("a comma at the end of labels");
  }
  return labels;
}

/** Buckets of each series: rising, in one run, ending in infinity, which is the count. */
function checkHistogram(name: string, samples: readonly Sample[]): void {
  const runs = new Map<string, Sample[]>();
  for (const sample of samples) {
    const { le: _le, ...others } = sample.labels;
    const key = JSON.stringify(Object.entries(others).sort());
    runs.set(key, [...(runs.get(key) ?? []), sample]);
  }
  for (const [key, run] of runs) {
    const buckets = run.filter((sample) => sample.name === `${name}_bucket`);
    let bound = Number.NEGATIVE_INFINITY;
    let count = 0;
    for (const { labels, value } of buckets) {
      const le = labels.le === "+Inf" ? Number.POSITIVE_INFINITY : Number(labels.le);
      if (labels.le !== "+Inf" && !/^[0-9]+\.[0-9]+$/.test(labels.le ?? ""))
        throw new Error(`${name}${key}: le ${labels.le}`);
      if (!(le > bound) || value < count) throw new Error(`${name}${key}: buckets do not rise`);
      bound = le;
      count = value;
    }
    const total = run.find((sample) => sample.name === `${name}_count`)?.value;
    if (bound !== Number.POSITIVE_INFINITY || total !== count) throw new Error(`${name}${key}: no whole histogram`);
    if (!run.some((sample) => sample.name === `${name}_sum`)) throw new Error(`${name}${key}: no sum`);
  }
}
