// WordPress' front page, warm, beside nginx and php-fpm with opcache: Debian's package on SQLite, one child each.

import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { unpackDebianPackages } from "../test/apps/unpack-debian.ts";
import { layOutWordPress, WORDPRESS_PACKAGES } from "../test/apps/wordpress-site.ts";
import { findProgram, installLine } from "../test/peers/binaries.ts";
import { startServe } from "../test/peers/edge-fpm.ts";
import { startNginx } from "../test/peers/nginx.ts";
import { startPhpFpm } from "../test/peers/php-fpm.ts";
import { processorTime } from "./processor-time.ts";
import { median, medianRatio, type Table } from "./table.ts";

export async function benchWordPress(quick: boolean): Promise<readonly Table[]> {
  const missing = (["nginx", "php-fpm8.2"] as const).filter((command) => findProgram([command]) === undefined);
  const unpacked = unpackDebianPackages("wordpress", WORDPRESS_PACKAGES);
  if (missing.length > 0 || "missing" in unpacked) {
    const reason = "missing" in unpacked ? unpacked.missing : `to install: ${installLine(missing)}`;
    console.log(`wordpress: skipped, ${reason}\n`);
    return [];
  }
  const folder = mkdtempSync(join(tmpdir(), "edge-fpm-bench-"));
  const cleanups: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })];
  const keep = <T extends { stop(): unknown }>(started: T): T => {
    cleanups.unshift(() => started.stop());
    return started;
  };
  try {
    // A copy for each: they have their own databases.
    const theirSite = layOutWordPress(unpacked.path, join(folder, "theirs"));
    cpSync(theirSite.folder, join(folder, "ours"), { recursive: true });
    const poolLines = ["php_admin_value[opcache.memory_consumption] = 128", "php_admin_value[memory_limit] = 256M"];
    const fpm = keep(await startPhpFpm({ listen: "unix", children: 1, poolLines }));
    const nginx = keep(await startNginx({ root: theirSite.root, fastcgi: fpm.address, keepConnection: true }));
    const own = keep(await startServe(join(folder, "ours/public"), { php: "8.2", children: 1 }));
    const pages = [nginx.baseUrl, own.baseUrl].map((base) => `${base}/index.php`);
    for (const base of [nginx.baseUrl, own.baseUrl]) await install(base);
    const rounds = quick ? 3 : 7;
    const count = quick ? 5 : 20;
    const times: [number[], number[]] = [[], []];
    const costs: number[] = [];
    for (const page of pages) for (let i = 0; i < (quick ? 10 : 60); i++) await timed(page);
    for (let round = 0; round < rounds; round++) {
      for (const [at, page] of pages.entries()) {
        const before = processorTime(own.program.pid ?? 0) ?? 0;
        const all: number[] = [];
        for (let i = 0; i < count; i++) all.push(await timed(page));
        times[at]?.push(median(all));
        if (at === 1) costs.push((((processorTime(own.program.pid ?? 0) ?? 0) - before) * 1000) / count);
      }
    }
    const [theirs, ours] = times;
    return [
      {
        title: "WordPress: the front page, warm",
        method: `Debian's WordPress with the SQLite plugin, PHP 8.2, one child each, one visitor; medians of ${rounds} rounds of ${count} pages in turn.`,
        rows: [
          { name: "nginx + php-fpm 8.2, opcache", value: median(theirs), unit: "ms" },
          {
            name: "edge-fpm serve",
            value: median(ours),
            unit: "ms",
            ratio: medianRatio(ours, theirs),
            against: "nginx",
            target: { ratioAtMost: 2.2 },
          },
          { name: "  its processor time a page", value: median(costs), unit: "ms" },
        ],
      },
    ];
  } finally {
    for (const cleanup of cleanups) await cleanup();
  }
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

async function timed(url: string): Promise<number> {
  const began = performance.now();
  const response = await fetch(url);
  const text = await response.text();
  if (response.status !== 200 || !text.includes("</html>")) throw new Error(`${url} answered ${response.status}`);
  return performance.now() - began;
}
