// Files longer than the memory that an interpreter gives them: with a real PHP, beside a model and another interpreter.

import { createHash } from "node:crypto";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { Child, Store } from "./child.ts";

const MiB = 1024 * 1024;

/** Small, so that pieces come and go. */
const PAGES = 1 * MiB;

/** Written pieces that wait, beside the kept ones: see large-files.ts. */
const WAITING = 4 * MiB;

/** What a node takes: see durable-files.ts. */
const NODES = 100_000;

const store = new Store();
let child: Child;
let other: Child;

beforeAll(async () => {
  child = await new Child(store, "one", { pageBytes: PAGES }).boot();
  other = await new Child(store, "other", { pageBytes: PAGES }).boot();
}, 30_000);

const json = async (of: Child, code: string): Promise<unknown> => JSON.parse(await of.run(code));

describe("a long file", () => {
  test("is written and read in pieces, and no more of it is in memory than was allowed", async () => {
    const size = 24 * MiB;
    const write = `$f = fopen("$d/long", 'w'); $h = hash_init('sha256'); for ($i = 0; $i < ${size / 65536}; $i++) { $p = str_repeat(hash('sha256', (string) $i, true), 2048); hash_update($h, $p); if (fwrite($f, $p) !== 65536) exit('short'); } fclose($f); echo json_encode(hash_final($h));`;
    const hash = await json(child, write);
    expect(child.files.heldBytes).toBeLessThan(PAGES + WAITING + NODES);
    const read = `$f = fopen("$d/long", 'r'); fseek($f, -10, SEEK_END); echo json_encode([hash_file('sha256', "$d/long"), filesize("$d/long"), strlen(fread($f, 100)), md5(file_get_contents("$d/long", false, null, 1000000, 70000)), memory_get_peak_usage(true)]);`;
    const [found, bytes, rest, part, peak] = (await json(other, read)) as [string, number, number, string, number];
    expect([found, bytes, rest]).toEqual([hash, size, 10]);
    expect(peak).toBeLessThan(6 * MiB);
    expect(other.files.heldBytes).toBeLessThan(PAGES + WAITING + NODES);
    const content = Buffer.concat(
      Array.from({ length: 20 }, (_, i) =>
        Buffer.concat(Array(2048).fill(createHash("sha256").update(`${i}`).digest())),
      ),
    );
    expect(part).toBe(createHash("md5").update(content.subarray(1000000, 1070000)).digest("hex"));
    // As readfile() and copy() do it, and back within the request that wrote it.
    const copy = `copy("$d/long", "$d/copy"); $a = hash_file('sha256', "$d/copy"); ob_start(fn($b) => '', 65536); $n = readfile("$d/copy"); ob_end_clean(); unlink("$d/copy"); echo json_encode([$a, $n]);`;
    expect(await json(other, copy)).toEqual([hash, size]);
    expect(store.service.store.bytes).toBeLessThan(size + 1000);
  });

  test("that is removed while it is read is read to its end", async () => {
    const code = `copy("$d/long", "$d/gone"); $f = fopen("$d/gone", 'r+'); unlink("$d/gone"); fseek($f, 5000000); fwrite($f, 'mine'); fseek($f, 4999999); $r = fread($f, 6); rewind($f); $n = 0; while (!feof($f)) $n += strlen(fread($f, 65536)); fclose($f); echo json_encode([substr($r, 1, 4), $n]);`;
    expect(await json(child, code)).toEqual(["mine", 24 * MiB]);
    await child.run(`unlink("$d/long"); echo 1;`);
    expect(store.service.store.bytes).toBeLessThan(1000);
  });

  test("is what was written, whatever is written where, by whom", { timeout: 60_000 }, async () => {
    const most = 3 * MiB;
    const place = fc.integer({ min: 0, max: most });
    const operation = fc.oneof(
      {
        weight: 5,
        arbitrary: fc.record({
          op: fc.constant("write" as const),
          at: place,
          length: fc.integer({ min: 1, max: 200_000 }),
        }),
      },
      {
        weight: 2,
        arbitrary: fc.record({ op: fc.constant("append" as const), length: fc.integer({ min: 1, max: 100_000 }) }),
      },
      { weight: 2, arbitrary: fc.record({ op: fc.constant("truncate" as const), at: place }) },
      {
        weight: 2,
        arbitrary: fc.record({
          op: fc.constant("read" as const),
          at: place,
          length: fc.integer({ min: 1, max: 100_000 }),
        }),
      },
      { weight: 1, arbitrary: fc.constant({ op: "reopen" as const }) },
      { weight: 1, arbitrary: fc.constant({ op: "sync" as const }) },
    );
    let round = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(operation, { maxLength: 12 }), { minLength: 1, maxLength: 4 }),
        async (requests) => {
          const name = `r${++round}`;
          let model = Buffer.alloc(0);
          await child.run(`file_put_contents("$d/${name}", ''); echo 1;`);
          for (const [turn, steps] of requests.entries()) {
            const php: string[] = [`$f = fopen("$d/${name}", 'c+'); $r = [];`];
            const expected: string[] = [];
            for (const [n, step] of steps.entries()) {
              const byte = String.fromCharCode(97 + ((turn * 12 + n) % 26));
              if (step.op === "write") {
                php.push(`fseek($f, ${step.at}); fwrite($f, str_repeat('${byte}', ${step.length})); fflush($f);`);
                const end = Math.max(model.length, step.at + step.length);
                model = Buffer.concat([model, Buffer.alloc(end - model.length)]);
                model.fill(byte, step.at, step.at + step.length);
              } else if (step.op === "append") {
                php.push(
                  `fflush($f); file_put_contents("$d/${name}", str_repeat('${byte}', ${step.length}), FILE_APPEND);`,
                );
                model = Buffer.concat([model, Buffer.alloc(step.length, byte)]);
              } else if (step.op === "truncate") {
                php.push(`ftruncate($f, ${step.at});`);
                model = Buffer.concat([model, Buffer.alloc(Math.max(0, step.at - model.length))]).subarray(0, step.at);
              } else if (step.op === "read") {
                php.push(`fseek($f, ${step.at}); $r[] = md5((string) stream_get_contents($f, ${step.length}));`);
                expected.push(
                  createHash("md5")
                    .update(model.subarray(step.at, step.at + step.length))
                    .digest("hex"),
                );
              } else if (step.op === "reopen") {
                php.push(`fclose($f); $f = fopen("$d/${name}", 'c+');`);
              } else {
                // From here on PHP writes through a buffer of the C library: hence fflush() after each write.
                php.push("fsync($f);");
              }
            }
            php.push(`fclose($f); echo json_encode([$r, md5_file("$d/${name}"), filesize("$d/${name}")]);`);
            const whole = createHash("md5").update(model).digest("hex");
            const of = turn % 2 === 0 ? child : other;
            expect(await json(of, php.join("\n"))).toEqual([expected, whole, model.length]);
          }
          expect(await json(other, `echo json_encode(md5_file("$d/${name}")); unlink("$d/${name}");`)).toBe(
            createHash("md5").update(model).digest("hex"),
          );
        },
      ),
      { numRuns: Number(process.env.FC_NUM_RUNS ?? 25) },
    );
  });
});
