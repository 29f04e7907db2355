// Go's record reader (net/http/fcgi) beside our decoder, in turn, where Go is installed.

import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { encodeHeader, RecordDecoder } from "../../src/codec/index.ts";
import { findProgram } from "../../test/peers/binaries.ts";
import { median, medianRatio, type Table } from "../table.ts";
import { consume, rateOf } from "./measure.ts";

const SOURCE = fileURLToPath(new URL("go", import.meta.url));

export async function benchGo(quick: boolean): Promise<readonly Table[]> {
  if (findProgram(["go"]) === undefined) {
    console.log("codec: without Go's record reader; to compare: apt-get install -y golang-go\n");
    return [];
  }
  const folder = mkdtempSync(join(tmpdir(), "edge-fpm-bench-"));
  const program = join(folder, "records");
  try {
    execFileSync("go", ["build", "-o", program, "."], { cwd: SOURCE, stdio: ["ignore", "ignore", "inherit"] });
    const theirs: number[] = [];
    const ours: number[] = [];
    const work = decodeWork();
    const child = spawn(program, { stdio: ["pipe", "pipe", "inherit"] });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    for (let round = -2; round < (quick ? 5 : 15); round++) {
      child.stdin.write("again\n");
      const theirRate = Number((await lines.next()).value);
      const ourRate = rateOf(work);
      if (round < 0) continue;
      theirs.push(theirRate);
      ours.push(ourRate);
    }
    child.stdin.end();
    return [
      {
        title: "Records of 16 bytes: Go's reader",
        method: `net/http/fcgi's record.read from memory, ${execFileSync("go", ["env", "GOVERSION"], { encoding: "utf8" }).trim()}; ${theirs.length} rounds in turn.`,
        rows: [
          { name: "Go net/http/fcgi", value: median(theirs) / 1e6, unit: "M records/s" },
          {
            name: "RecordDecoder, chunks of 64 KB",
            value: median(ours) / 1e6,
            unit: "M records/s",
            ratio: medianRatio(ours, theirs),
            against: "Go",
            target: { ratioAtLeast: 25 },
          },
        ],
      },
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function decodeWork(): () => number {
  const count = 4096;
  const chunk = new Uint8Array(count * 16);
  for (let i = 0; i < count; i++) encodeHeader(chunk, i * 16, 6, 1, 8, 0);
  return () => {
    const decoder = new RecordDecoder();
    let sum = 0;
    for (let i = 0; i < 16; i++) {
      decoder.decode(chunk, (_type, _id, _buffer, start, end) => {
        sum += end - start;
      });
    }
    consume(sum);
    return 16 * count;
  };
}
