// What CGI costs: a fresh interpreter for every request against one that stays, in one process and without any network.
// The compiled WebAssembly module is shared by both, so this is the least that CGI can cost here.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { PhpHost } from "../src/php/host.ts";
import { createLockTable } from "../src/platform/node/file-locks.ts";
import { bootInterpreter, type InterpreterSettings } from "../src/platform/node/interpreter.ts";
import { loadPhpGlue } from "../src/platform/node/load-glue.ts";
import { choosePhpVersion, phpPackageUrl } from "../src/platform/node/php-versions.ts";
import { median, type Table } from "./table.ts";

async function settingsFor(root: string): Promise<InterpreterSettings> {
  const glueUrl = phpPackageUrl(choosePhpVersion());
  const glue = await loadPhpGlue(glueUrl);
  const sharedDirectory = join(root, ".shared");
  for (const part of ["sessions", "uploads", "tmp"]) mkdirSync(join(sharedDirectory, part), { recursive: true });
  return {
    glueUrl,
    wasm: await WebAssembly.compile(await readFile(glue.dependencyFilename)),
    ini: {},
    env: {},
    network: false,
    processId: 1,
    locks: createLockTable(),
    mounts: [root],
    sharedDirectory,
  };
}

async function hello(php: PhpHost, script: string): Promise<void> {
  let body = "";
  const text = new TextDecoder();
  await php.run(
    {
      scriptFilename: script,
      params: [
        ["REQUEST_METHOD", "GET"],
        ["REQUEST_URI", "/hello.php"],
        ["SCRIPT_NAME", "/hello.php"],
        ["SCRIPT_FILENAME", script],
      ],
      body: new Uint8Array(0),
    },
    {
      headers() {},
      stdout(chunk) {
        body += text.decode(chunk, { stream: true });
      },
      stderr() {},
      log() {},
      finishRequest() {},
    },
  );
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
    const settings = await settingsFor(root);
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
            ratio: median(fresh) / base,
            against: "resident",
          },
        ],
      },
    ];
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}
