// Inside one child on Node, without any wire: a hello beside the stock classes' `run`, and an application of 120 files with
// opcache and without.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { PhpHost } from "../src/php/host.ts";
import { bootInterpreter } from "../src/platform/node/interpreter.ts";
import { FILES, writeApplication } from "./application-120.ts";
import { interpreterSettings, runScript } from "./interpreters.ts";
import { median, medianRatio, type Row, type Table } from "./table.ts";

/** Milliseconds of each of `count` runs. */
async function times(count: number, work: () => Promise<unknown>): Promise<number[]> {
  const all: number[] = [];
  for (let i = 0; i < count; i++) {
    const began = performance.now();
    await work();
    all.push(performance.now() - began);
  }
  return all;
}

export async function benchInside(quick: boolean): Promise<readonly Table[]> {
  const root = mkdtempSync(join(tmpdir(), "edge-fpm-bench-"));
  try {
    return [await benchHello(root, quick), await benchApplication(root, quick)];
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

/** php-fpm's own, where ours looks for edits at every request: see docs/php.md. */
const SELDOM = { "opcache.revalidate_freq": 2 };

async function benchHello(root: string, quick: boolean): Promise<Table> {
  const script = join(root, "hello.php");
  writeFileSync(script, '<?php echo "Hello";\n');
  const host = await bootInterpreter(await interpreterSettings(root));
  const trusting = await bootInterpreter(await interpreterSettings(root, SELDOM));
  const stock = await stockPhp(root);
  const ours: number[] = [];
  const seldom: number[] = [];
  const theirs: number[] = [];
  const count = quick ? 50 : 100;
  for (const php of [host, trusting]) await times(300, () => runScript(php, script));
  await times(50, () => stock(script));
  for (let round = 0; round < (quick ? 3 : 9); round++) {
    ours.push(median(await times(count, () => runScript(host, script))));
    seldom.push(median(await times(count, () => runScript(trusting, script))));
    theirs.push(median(await times(count, () => stock(script))));
  }
  const row = (name: string, values: readonly number[]): Row => ({
    name,
    value: median(values),
    unit: "ms",
    ratio: medianRatio(values, theirs),
    against: "stock",
  });
  return {
    title: "Hello inside a child",
    method: `In process, no wire, a real directory; medians of ${ours.length} rounds of ${count} in turn.`,
    rows: [
      { ...row("our host", ours), target: { atMost: 0.1 } },
      row("  looking for edits every 2 s, as php-fpm", seldom),
      { name: "PHP.run of @php-wasm/universal", value: median(theirs), unit: "ms" },
    ],
  };
}

async function benchApplication(root: string, quick: boolean): Promise<Table> {
  const folder = join(root, "application");
  const script = writeApplication(folder);
  const cached = await bootInterpreter(await interpreterSettings(root));
  const trusting = await bootInterpreter(await interpreterSettings(root, SELDOM));
  const compiling = await bootInterpreter(await interpreterSettings(root, { "opcache.enable": 0 }));
  const expected = await runScript(cached, script);
  const check = (host: PhpHost) => async () => {
    if ((await runScript(host, script)) !== expected) throw new Error("the application answered something else");
  };
  const warm: number[] = [];
  const seldom: number[] = [];
  const cold: number[] = [];
  for (const php of [cached, trusting]) await times(200, check(php));
  await times(5, check(compiling));
  for (let round = 0; round < (quick ? 3 : 9); round++) {
    warm.push(median(await times(quick ? 40 : 100, check(cached))));
    seldom.push(median(await times(quick ? 40 : 100, check(trusting))));
    cold.push(median(await times(quick ? 5 : 10, check(compiling))));
  }
  const without = { name: "without opcache", value: median(cold), unit: "ms" } as const;
  return {
    title: `An application of ${FILES} files inside a child`,
    method: `Classes of 12 methods each, all included by every request; the same with opcache and without, ${warm.length} rounds in turn, medians. As we set it, opcache looks at each file for edits at every request.`,
    rows: [
      { name: "with opcache, warm", value: median(warm), unit: "ms", target: { atMost: 0.6 } },
      { name: "  looking for edits every 2 s, as php-fpm", value: median(seldom), unit: "ms" },
      { ...without, ratio: medianRatio(cold, warm), against: "warm" },
      { ...without, ratio: medianRatio(cold, seldom), against: "warm, every 2 s", target: { ratioAtLeast: 60 } },
    ],
  };
}

/** The stock class, used as its documentation shows; its packages have no types. */
async function stockPhp(root: string): Promise<(script: string) => Promise<void>> {
  const { startStock } = (await import(new URL("stock-php.mjs", import.meta.url).href)) as {
    startStock(root: string): Promise<(path: string) => Promise<string>>;
  };
  const run = await startStock(root);
  return async (script) => {
    const text = await run(script.slice(root.length));
    if (text !== "Hello") throw new Error(`the stock class answered ${JSON.stringify(text)}`);
  };
}
