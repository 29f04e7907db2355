// WordPress' front page, warm, beside nginx and php-fpm with opcache: Debian's package on SQLite, one child each, by our
// server and in workerd.

import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { unpackDebianPackages } from "../test/apps/unpack-debian.ts";
import { layOutWordPress, WORDPRESS_PACKAGES, type WordPressSite } from "../test/apps/wordpress-site.ts";
import { startWordPressInWorkerd } from "../test/apps/wordpress-workerd.ts";
import type { AppServer } from "../test/peers/app-server.ts";
import { findProgram, installLine } from "../test/peers/binaries.ts";
import { startServe } from "../test/peers/edge-fpm.ts";
import { startNginx } from "../test/peers/nginx.ts";
import { startPhpFpm } from "../test/peers/php-fpm.ts";
import { page } from "./page.ts";
import { processorTime } from "./processor-time.ts";
import { median, medianRatio, type Row, type Table } from "./table.ts";

/** What to aim for: times beside nginx and php-fpm, MiB of linear memory, milliseconds of a cached page. */
const TARGETS = { serve: 2.2, workerd: 2.5, memory: 96, cached: 2 };

/** A cookie that goes around the gateway's cache, and that WordPress makes nothing of. */
const UNCACHED = { cookie: "comment_author_0=nobody" };

export async function benchWordPress(quick: boolean): Promise<readonly Table[]> {
  const missing = (["nginx", "php-fpm8.2"] as const).filter((command) => findProgram([command]) === undefined);
  const unpacked = unpackDebianPackages("wordpress", WORDPRESS_PACKAGES);
  if (missing.length > 0 || "missing" in unpacked) {
    const reason = "missing" in unpacked ? unpacked.missing : `to install: ${installLine(missing)}`;
    console.log(`wordpress: skipped, ${reason}\n`);
    return [];
  }
  if (quick) console.log("wordpress: not in workerd with --quick, as its build takes too long\n");
  const folder = mkdtempSync(join(tmpdir(), "edge-fpm-bench-"));
  const cleanups: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })];
  const keep = <T extends { stop(): unknown }>(started: T): T => {
    cleanups.unshift(() => started.stop());
    return started;
  };
  try {
    // A copy for each, made before anybody writes: they have their own databases.
    const site = layOutWordPress(unpacked.path, join(folder, "site"));
    const copy = (name: string): WordPressSite => {
      cpSync(site.folder, join(folder, name), { recursive: true });
      return { folder: join(folder, name), root: join(folder, name, "public") };
    };
    const startModel = async () => {
      const poolLines = ["php_admin_value[opcache.memory_consumption] = 128", "php_admin_value[memory_limit] = 256M"];
      const { address } = keep(await startPhpFpm({ listen: "unix", children: 1, poolLines }));
      return keep(await startNginx({ root: site.root, fastcgi: address, keepConnection: true }));
    };
    const [ownSite, edgeSite] = [copy("own"), quick ? undefined : copy("edge")];
    const startOwn = async () => keep(await startServe(ownSite.root, { php: "8.2", children: 1 }));
    const startEdge = async () => (edgeSite === undefined ? undefined : keep(await startWordPressInWorkerd(edgeSite)));
    const [model, own, edge] = await Promise.all([startModel(), startOwn(), startEdge()]);
    const servers = [model, own, ...(edge === undefined ? [] : [edge])];
    const settled = quick ? 8 : 60;
    await Promise.all(
      servers.map(async ({ baseUrl }) => {
        await install(baseUrl);
        for (let i = 0; i < settled; i++) await front(baseUrl);
      }),
    );

    const rounds = quick ? 5 : 7;
    const count = quick ? 3 : 20;
    const times = servers.map((): number[] => []);
    const costs: number[] = [];
    for (let round = 0; round < rounds; round++) {
      for (const [at, { baseUrl }] of servers.entries()) {
        const before = processorTime(own.program.pid) ?? 0;
        const all: number[] = [];
        for (let i = 0; i < count; i++) all.push(await front(baseUrl));
        times[at]?.push(median(all));
        if (at === 1) costs.push((((processorTime(own.program.pid) ?? 0) - before) * 1000) / count);
      }
    }
    const [theirs = [], ours = [], inWorkerd = []] = times;
    const beside = (name: string, values: readonly number[], ratioAtMost: number): Row => {
      const ratio = medianRatio(values, theirs);
      return { name, value: median(values), unit: "ms", ratio, against: "nginx", target: { ratioAtMost } };
    };
    return [
      {
        title: "WordPress: the front page, warm",
        method: `Debian's WordPress with the SQLite plugin, PHP 8.2, one child each, one visitor; medians of ${rounds} rounds of ${count} pages in turn.`,
        rows: [
          { name: "nginx + php-fpm 8.2, opcache", value: median(theirs), unit: "ms" },
          beside("edge-fpm serve", ours, TARGETS.serve),
          { name: "  its processor time a page", value: median(costs), unit: "ms" },
          ...(edge === undefined
            ? []
            : [beside("edge-fpm build, in workerd", inWorkerd, TARGETS.workerd), ...(await ofEdge(edge, count))]),
        ],
      },
    ];
  } finally {
    for (const cleanup of cleanups) await cleanup();
  }
}

/** What only the edge is asked for. */
async function ofEdge(server: AppServer, count: number): Promise<Row[]> {
  const memory = ((await server.memory?.()) ?? Number.NaN) / 1024 / 1024;
  // The first fills the cache.
  await front(server.baseUrl, {});
  const cached: number[] = [];
  for (let i = 0; i < count * 10; i++) cached.push(await front(server.baseUrl, {}));
  return [
    { name: "  its linear memory", value: memory, unit: "MiB", target: { atMost: TARGETS.memory } },
    {
      name: "  the page from its gateway's cache",
      value: median(cached),
      unit: "ms",
      target: { atMost: TARGETS.cached },
    },
  ];
}

/** Milliseconds of the front page. @throws when it is not a whole page */
async function front(base: string, headers: Readonly<Record<string, string>> = UNCACHED): Promise<number> {
  const { status, milliseconds, body } = await page(`${base}/`, headers);
  if (status !== 200 || !body.includes("</html>")) throw new Error(`${base} answered ${status}`);
  return milliseconds;
}

/** The installer's last page. @throws when it does not say that it is done */
async function install(base: string): Promise<void> {
  const response = await fetch(`${base}/wp-admin/install.php?step=2`, {
    method: "POST",
    body: new URLSearchParams({
      weblog_title: "A site",
      user_name: "admin",
      admin_password: "a password for the bench",
      admin_password2: "a password for the bench",
      admin_email: "admin@example.test",
      blog_public: "0",
      Submit: "Install",
      language: "",
    }),
  });
  const text = await response.text();
  if (!text.includes("WordPress has been installed")) {
    throw new Error(
      `${base}: the installer answered ${response.status}: ${text.replace(/<[^>]*>/g, " ").slice(0, 500)}`,
    );
  }
}
