// What the figures were measured on.

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { findProgram } from "../test/peers/binaries.ts";

export interface Machine {
  readonly when: string;
  readonly processor: string;
  readonly memory: string;
  /** Programs that take part, by name. */
  readonly versions: Readonly<Record<string, string>>;
}

const PROGRAMS: readonly { readonly name: string; readonly command: string; readonly ask: readonly string[] }[] = [
  { name: "nginx", command: "nginx", ask: ["-v"] },
  { name: "php-fpm", command: "php-fpm8.2", ask: ["-v"] },
  { name: "wrk", command: "wrk", ask: ["-v"] },
  { name: "Go", command: "go", ask: ["version"] },
];

const PACKAGES = ["@php-wasm/node-8-4", "@php-wasm/node-8-2", "@php-wasm/web-8-4", "workerd"];

export function describeMachine(): Machine {
  const processors = cpus();
  const versions: Record<string, string> = { Node: process.version.slice(1) };
  for (const { name, command, ask } of PROGRAMS) {
    const program = findProgram([command]);
    if (program !== undefined) versions[name] = askVersion(program, ask);
  }
  for (const name of PACKAGES) {
    const version = packageVersion(name);
    if (version !== undefined) versions[name] = version;
  }
  return {
    when: new Date().toISOString().slice(0, 10),
    processor: `${processors.length} x ${processors[0]?.model ?? "unknown processor"}`,
    memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
    versions,
  };
}

export function machineLine({ when, processor, memory, versions }: Machine): string {
  const programs = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return `${when}, ${processor}, ${memory}; ${programs.join(", ")}.`;
}

/** The first thing that looks like a version; programs disagree about stdout, stderr and status. */
function askVersion(program: string, ask: readonly string[]): string {
  try {
    const quoted = [program, ...ask].map((word) => `'${word}'`).join(" ");
    const text = execFileSync("/bin/sh", ["-c", `${quoted} 2>&1 || true`], { encoding: "utf8" });
    return /\d+\.\d+(\.\d+)?/.exec(text)?.[0] ?? "unknown";
  } catch {
    return "unknown";
  }
}

function packageVersion(name: string): string | undefined {
  try {
    const file = new URL(`../node_modules/${name}/package.json`, import.meta.url);
    return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
  } catch {
    return undefined;
  }
}
