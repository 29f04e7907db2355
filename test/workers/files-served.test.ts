// What visitors get of files that scripts make, change and remove, in real workerd.

import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { FetchBinding } from "../../src/transport/cloudflare/fetch.ts";
import { fetchExchange } from "../../src/transport/cloudflare/fetch-exchange.ts";
import { http } from "../http-suite/client.ts";
import { makeScratch } from "../peers/scratch.ts";
import { type RunningWorkers, startWorkers } from "./start.ts";

const FILES: Readonly<Record<string, string>> = {
  "public/index.php": "<?php echo 'front ', $_SERVER['REQUEST_URI'];",
  "public/do.php": `<?php $a = __DIR__ . '/' . $_GET['a']; $b = $_GET['b'] ?? '';
    echo json_encode(match ($_GET['do']) { 'write' => (@mkdir(dirname($a), 0777, true) || true) && file_put_contents($a, $b), 'unlink' => unlink($a), 'rename' => rename($a, __DIR__ . "/$b"), 'link' => symlink($b, $a) });`,
  "public/later.php":
    "<?php fastcgi_finish_request(); usleep(300000); file_put_contents(__DIR__ . '/css/late.css', 'later');",
  "public/logs.php": "<?php error_log('a word'); usleep(50000); echo 'done';",
  "public/css/late.css": "built",
  "public/css/site.css": "built",
  "public/css/other.css": "other",
  "public/gone.html": "built",
  "public/page.php": "<?php echo 'page';",
  "settings.txt": "secret",
};

const site = makeScratch("served-site");
let workers: RunningWorkers;

beforeAll(async () => {
  for (const [name, text] of Object.entries(FILES)) {
    mkdirSync(dirname(join(site.path, name)), { recursive: true });
    writeFileSync(join(site.path, name), text);
  }
  workers = await startWorkers({
    root: site.path,
    documentRoot: "public",
    frontController: "/index.php",
    pool: { maxChildren: 2 },
  });
});
afterAll(async () => {
  await workers?.stop();
  site.remove();
});

async function seen(path: string): Promise<string> {
  const answer = await http(workers.baseUrl, path);
  return `${answer.status} ${answer.text().trim().split("\n")[0]}`;
}

async function act(query: string): Promise<void> {
  const answer = await http(workers.baseUrl, `/do.php?${query}`);
  expect(answer.text(), query).toMatch(/^(?:true|\d+)$/);
}

test("a file of the build that a script changed is served as changed, others as they were built", async () => {
  expect(await seen("/css/site.css")).toBe("200 built");
  await act("do=write&a=css/site.css&b=changed");
  expect(await seen("/css/site.css")).toBe("200 changed");
  expect(await seen("/css/other.css")).toBe("200 other");
  await act("do=write&a=css/site.css&b=again");
  expect(await seen("/css/site.css")).toBe("200 again");
});

test("so is one that a script changed behind its answer", async () => {
  expect(await seen("/css/late.css")).toBe("200 built");
  expect(await seen("/later.php")).toBe("200 ");
  // Another request ends while that script goes on.
  expect(await seen("/index.php")).toBe("200 front /index.php");
  await new Promise((resolve) => setTimeout(resolve, 1000));
  expect(await seen("/css/late.css")).toBe("200 later");
});

test("what a page logs comes before its output, and is in the log, too", async () => {
  const pools = await workers.miniflare.getDurableObjectNamespace("POOL");
  const exchange = fetchExchange(() => pools.get(pools.idFromName("www")) as unknown as FetchBinding, "http://www/");
  const script = "/app/public/logs.php";
  const seen: string[] = [];
  await exchange(
    {
      role: "responder",
      params: [
        ["SCRIPT_FILENAME", script],
        ["REQUEST_METHOD", "GET"],
      ],
    },
    {
      stdout: (chunk) => void seen.push(new TextDecoder().decode(chunk)),
      stderr: () => void seen.push("STDERR"),
    },
    new AbortController().signal,
  );
  expect(seen.join("|")).toMatch(/^STDERR\|[^|]*\r\n\r\ndone$/);
  await expect.poll(() => workers.log()).toContain("a word");
});

test("one that was removed is not served, and not run", async () => {
  expect(await seen("/gone.html")).toBe("200 built");
  await act("do=unlink&a=gone.html");
  expect(await seen("/gone.html")).toBe("200 front /gone.html");
  expect(await seen("/page.php")).toBe("200 page");
  await act("do=unlink&a=page.php");
  await seen("/css/other.css");
  expect(await seen("/page.php")).toBe("200 front /page.php");
});

test("one that was moved is served where it is now", async () => {
  await act("do=rename&a=css/other.css&b=css/moved.css");
  expect(await seen("/css/other.css")).toBe("200 front /css/other.css");
  expect(await seen("/css/moved.css")).toBe("200 other");
});

test("folders that scripts make have indexes, and addresses without a file stay the front controller's", async () => {
  await act("do=write&a=made/deep/index.html&b=index");
  expect(await seen("/made/deep/")).toBe("200 index");
  expect((await http(workers.baseUrl, "/made/deep")).header("location")).toContain("/made/deep/");
  expect(await seen("/made/")).toBe("200 front /made/");
  expect(await seen("/made/nothing")).toBe("200 front /made/nothing");
  expect(await seen("/some/address")).toBe("200 front /some/address");
});

test("links are followed below the document root and to what a visitor may have, nowhere else", async () => {
  await act("do=write&a=made/real.txt&b=real");
  await act("do=link&a=made/link.txt&b=real.txt");
  expect(await seen("/made/link.txt")).toBe("200 real");
  await act("do=link&a=made/out.txt&b=../../settings.txt");
  expect(await seen("/made/out.txt")).toContain("403");
  await act("do=write&a=made/data.sqlite&b=rows");
  await act("do=link&a=made/data.txt&b=data.sqlite");
  expect(await seen("/made/data.txt")).toContain("403");
  await act("do=link&a=made/source.txt&b=../index.php");
  expect(await seen("/made/source.txt")).toContain("403");
});
