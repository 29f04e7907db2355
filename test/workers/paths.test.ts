// Paths that are no UTF-8 in real workerd: none is another file's, neither of the store nor of the application's archive.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { http } from "../http-suite/client.ts";
import { makeScratch } from "../peers/scratch.ts";
import { ALL_RIGHT, ENCODING_SCRIPT } from "../php/files/encoding-script.ts";
import { type RunningWorkers, startWorkers } from "./start.ts";

const site = makeScratch("paths-site");
let workers: RunningWorkers;
beforeAll(async () => {
  writeFileSync(join(site.path, "x"), "of the archive");
  writeFileSync(
    join(site.path, "short.php"),
    `<?php $p = '/tmp/' . basename("..\\xc0\\xafapp\\xc0\\xafx"); echo json_encode([@file_get_contents($p), is_file($p), @unlink($p), file_get_contents(__DIR__ . '/x')]);`,
  );
  writeFileSync(
    join(site.path, "all.php"),
    `<?php set_time_limit(0); $tops = ['/tmp/t', __DIR__ . '/a-folder-with-a-longer-name']; ${ENCODING_SCRIPT}`,
  );
  workers = await startWorkers({ root: site.path });
}, 120_000);
afterAll(async () => {
  await workers?.stop();
  site.remove();
});

test("an overlong slash leads nowhere", async () => {
  expect((await http(workers.baseUrl, "/short.php")).text()).toBe('[false,false,false,"of the archive"]');
});

test("paths that are no UTF-8 fail, and all others mean what they say", { timeout: 120_000 }, async () => {
  expect((await http(workers.baseUrl, "/all.php")).text()).toBe(ALL_RIGHT);
});
