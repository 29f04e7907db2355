// What CGI costs: a fresh interpreter for every request against one that stays, in one process and without any network.
// The compiled WebAssembly module is shared by both, so this is the least that CGI can cost here.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { PhpHost } from "../src/php/host.ts";
import { bootInterpreter } from "../src/platform/node/interpreter.ts";
import { interpreterSettings, runScript } from "./interpreters.ts";
import { median, medianRatio, type Table } from "./table.ts";

async function hello(php: PhpHost, script: string): Promise<void> {
  const body = await runScript(php, script);
  if (body !== "Hello") throw new Error(`the script answered ${JSON.stringify(body)}`);
}

async function time(work: () => Promise<void>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

export async function benchCgi(quick: boolean): Promise<readonly Table[]> {
  const root = mkdtempSync(join(tmpdir(), "edge-fpm-bench-"));
  try {
    const script = join(root, "hello.php");
    writeFileSync(script, '<?php echo "Hello";\n');
    const settings = await interpreterSettings(root);
    const resident = await bootInterpreter(settings);
    for (let i = 0; i < 200; i++) await hello(resident, script);

    const rounds = quick ? 5 : 15;
    const perRound = 200;
    const fresh: number[] = [];
    const kept: number[] = [];
    for (let round = 0; round < rounds; round++) {
      fresh.push(await time(async () => hello(await bootInterpreter(settings), script)));
      kept.push(
        (await time(async () => {
          for (let i = 0; i < perRound; i++) await hello(resident, script);
        })) / perRound,
      );
    }
    const base = median(kept);
    return [
      {
        title: "CGI against FastCGI: hello, one interpreter",
        method: `A fresh interpreter for each request, compiled module shared, against a resident one; ${rounds} interleaved rounds, medians.`,
        rows: [
          { name: "FastCGI style: resident interpreter", value: base, unit: "ms" },
          {
            name: "CGI style: new interpreter a request",
            value: median(fresh),
            unit: "ms",
            ratio: medianRatio(fresh, kept),
            against: "resident",
            target: { ratioAtLeast: 300 },
          },
        ],
      },
    ];
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}
