import { readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { LogFile } from "../../src/platform/node/log-file.ts";
import { makeScratch, type Scratch } from "../peers/scratch.ts";

let scratch: Scratch;
beforeAll(() => {
  scratch = makeScratch("log-file");
});
afterAll(() => scratch.remove());

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe("a log file", () => {
  test("has the lines of a turn in order, and only its owner may read it", async () => {
    const path = join(scratch.path, "a.log");
    const file = new LogFile(path);
    file.write("one\n");
    file.write("\u00e9\n");
    await turn();
    await turn();
    expect(readFileSync(path, "utf8")).toBe("one\n\u00e9\n");
    expect(statSync(path).mode & 0o777).toBe(0o600);
    file.close();
  });

  test("is appended to, and keeps bytes as they are", () => {
    const path = join(scratch.path, "b.log");
    for (const line of ["a\n", "\u00ff\n"]) {
      const file = new LogFile(path, "latin1");
      file.write(line);
      file.close();
    }
    expect([...readFileSync(path)]).toEqual([0x61, 0x0a, 0xff, 0x0a]);
  });

  test("goes on under its name after it was moved away", () => {
    const path = join(scratch.path, "c.log");
    const file = new LogFile(path);
    file.write("before\n");
    renameSync(path, `${path}.1`);
    file.reopen();
    file.write("after\n");
    file.close();
    expect(readFileSync(`${path}.1`, "utf8")).toBe("before\n");
    expect(readFileSync(path, "utf8")).toBe("after\n");
  });

  test("stays with the old file when the new one cannot be opened", () => {
    const folder = join(scratch.path, "gone");
    const other = makeScratch("log-file-gone");
    const path = join(other.path, "d.log");
    const file = new LogFile(path);
    renameSync(other.path, folder);
    expect(() => file.reopen()).toThrow("ENOENT");
    file.write("still here\n");
    file.close();
    expect(readFileSync(join(folder, "d.log"), "utf8")).toBe("still here\n");
    rmSync(folder, { recursive: true });
  });
});
