// The configurations that the playground offers: real servers take them.

import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { Connections } from "../../playground/engine/types.ts";
import { changedLines } from "../../playground/ui/views/setups/changed-lines.ts";
import type { Setup } from "../../playground/ui/views/setups/setup.ts";
import { type SetupText, setupTexts } from "../../playground/ui/views/setups/texts.ts";
import { poolConfig } from "../../src/fpm/config.ts";
import { assertConfig } from "../../src/gateway/config/check.ts";
import { describePeers, peerPath } from "../peers/peer.ts";
import { makeScratch } from "../peers/scratch.ts";
import { openPlayground, type Playground, violations } from "./page.ts";

vi.setConfig({ testTimeout: 60_000 });

const scratch = makeScratch("setups");
afterAll(() => scratch.remove());
const root = join(scratch.path, "www");
mkdirSync(root);

/** Every choice at least once, and those that bear on each other together. */
const SETUPS: readonly Setup[] = (["static", "dynamic", "ondemand"] as const).flatMap((pm) =>
  (["unix", "tcp"] as const).flatMap((listen) =>
    (["own", "kept", "shared"] as const satisfies readonly Connections[]).map((connections) => ({
      root,
      host: "example.org",
      php: "8.2",
      listen,
      connections,
      frontController: connections !== "own",
      pool: poolConfig({
        pm,
        maxChildren: connections === "own" ? 1 : 7,
        maxRequests: listen === "unix" ? 0 : 500,
        requestTerminateTimeout: listen === "unix" ? 0 : 10_000,
      }),
      statusPath: "/status",
      pingPath: "/ping",
    })),
  ),
);

const name = ({ pool, listen, connections }: Setup) => `${pool.pm} ${listen} ${connections}`;
const cases = SETUPS.map((setup) => [name(setup), setup] as const);

function textOf(setup: Setup, id: SetupText["id"]): string {
  return setupTexts(setup).find((text) => text.id === id)?.text ?? "";
}

/** Runs a server's own check. Gives all that it says; throws that when it is not content. */
function check(program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): string {
  try {
    return execFileSync(program, args, {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...env },
    });
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string };
    throw new Error(`${stdout}${stderr}`);
  }
}

let files = 0;
function file(text: string): string {
  files += 1;
  const path = join(scratch.path, `setup-${files}`);
  writeFileSync(path, text);
  return path;
}

describePeers(["nginx"], "nginx", () => {
  const whole = (text: string) => {
    const folder = join(scratch.path, "nginx");
    mkdirSync(folder, { recursive: true });
    cpSync("/etc/nginx/fastcgi.conf", join(folder, "fastcgi.conf"));
    const temp = ["client_body", "fastcgi", "proxy", "scgi", "uwsgi"].map(
      (kind) => `${kind}_temp_path ${folder}/${kind};`,
    );
    const path = join(folder, `nginx-${files++}.conf`);
    const port = text.replace("listen 80;", "listen 127.0.0.1:18080;");
    writeFileSync(path, `pid ${folder}/pid;\nevents {}\nhttp {\n${temp.join("\n")}\naccess_log off;\n${port}}\n`);
    return path;
  };
  const run = (text: string) => check(peerPath("nginx"), ["-t", "-q", "-e", "stderr", "-c", whole(text)]);

  test.each(cases)("takes %s", (_, setup) => {
    expect(run(textOf(setup, "nginx"))).toBe("");
  });

  test("would refuse a line that it does not know", () => {
    expect(() => run(textOf(SETUPS[0] as Setup, "nginx").replace("fastcgi_pass", "fastcgi_passes"))).toThrow(
      /unknown directive/,
    );
  });
});

describePeers(["apache2"], "Apache", () => {
  const modules = ["mpm_event", "authz_core", "authz_host", "dir", "mime", "proxy", "proxy_fcgi"];
  const run = (text: string) => {
    const path = file(
      `ServerRoot ${scratch.path}\nServerName localhost\nListen 127.0.0.1:18081\nPidFile ${scratch.path}/apache.pid\n` +
        `DefaultRuntimeDir ${scratch.path}\nErrorLog ${scratch.path}/apache.log\nTypesConfig /dev/null\n` +
        modules.map((one) => `LoadModule ${one}_module /usr/lib/apache2/modules/mod_${one}.so\n`).join("") +
        text,
    );
    return check(peerPath("apache2"), ["-t", "-f", path]);
  };

  test.each(cases)("takes %s", (_, setup) => {
    expect(run(textOf(setup, "apache"))).toBe("");
  });

  test("would refuse a line that it does not know", () => {
    expect(() => run(textOf(SETUPS[0] as Setup, "apache").replace("SetHandler", "SetHandle"))).toThrow(/SetHandle/);
  });
});

describePeers(["caddy"], "Caddy", () => {
  const home = { HOME: scratch.path, XDG_CONFIG_HOME: scratch.path, XDG_DATA_HOME: scratch.path };
  const run = (text: string) =>
    check(peerPath("caddy"), ["validate", "--adapter", "caddyfile", "--config", file(text)], home);

  test.each(cases)("takes %s", (_, setup) => {
    expect(run(textOf(setup, "caddy"))).toContain("Valid configuration");
  });

  test("would refuse a line that it does not know", () => {
    expect(() => run(textOf(SETUPS[0] as Setup, "caddy").replace("file_server", "file_serves"))).toThrow(
      /unrecognized directive/,
    );
  });
});

describePeers(["php-fpm8.2"], "php-fpm", () => {
  const run = (text: string) => {
    const path = file(`[global]\nerror_log = ${scratch.path}/fpm.log\n${text}`);
    return check(peerPath("php-fpm8.2"), ["-t", "-O", "-y", path]);
  };

  test.each(cases)("takes %s", (_, setup) => {
    expect(() => run(textOf(setup, "php-fpm"))).not.toThrow();
  });

  test("would refuse numbers that make no sense together", () => {
    const dynamic = SETUPS.find(({ pool }) => pool.pm === "dynamic") as Setup;
    const text = textOf(dynamic, "php-fpm").replace(/pm.max_spare_servers = \d+/, "pm.max_spare_servers = 99");
    expect(() => run(text)).toThrow();
  });
});

describe("edge-fpm", () => {
  test.each(cases)("takes its own configuration: %s", async (_, setup) => {
    const path = `${file("")}.ts`;
    const source = textOf(setup, "edge-fpm-config");
    const entry = pathToFileURL(join(import.meta.dirname, "../../src/gateway/index.ts")).href;
    writeFileSync(path, source.replace('"edge-fpm/gateway"', JSON.stringify(entry)));
    const { default: config } = (await import(/* @vite-ignore */ pathToFileURL(path).href)) as { default: unknown };
    expect(() => assertConfig(config, path)).not.toThrow();
    expect(config).toMatchObject({ root, pools: { www: { pm: setup.pool.pm, maxChildren: setup.pool.maxChildren } } });
  });

  test("is given options that the command has", () => {
    const known = readFileSync(join(import.meta.dirname, "../../src/cli/pool.ts"), "utf8");
    const serve = readFileSync(join(import.meta.dirname, "../../src/cli/serve.ts"), "utf8");
    const used = new Set(SETUPS.flatMap((setup) => textOf(setup, "edge-fpm").match(/--[a-z-]+/g) ?? []));
    expect(used.size).toBeGreaterThan(4);
    for (const option of used)
      expect(known + serve).toMatch(new RegExp(`["']?${option.slice(2)}["']?: \\{|name: "${option.slice(2)}"`));
  });
});

describe("lines that changed", () => {
  test.each([
    ["a\nb\nc", "a\nb\nc", [false, false, false]],
    ["a\nb\nc", "a\nx\nc", [false, true, false]],
    ["a\nc", "a\nb\nc", [false, true, false]],
    ["a\nb\nc", "a\nc", [false, false]],
    ["}\n}", "}\nx\n}", [false, true, false]],
    ["", "a", [true]],
  ])("from %j to %j", (base, text, expected) => {
    expect(changedLines(base, text)).toEqual(expected);
  });

  test("are those of the number that was moved, in each file that names it", () => {
    const base = SETUPS.find(
      ({ pool, listen, connections }) => pool.pm === "static" && listen === "unix" && connections === "own",
    ) as Setup;
    const moved = { ...base, pool: { ...base.pool, maxChildren: 9 } };
    const differ = setupTexts(base).map(({ id, text }, index) => {
      const after = setupTexts(moved)[index]?.text ?? "";
      const lines = after.split("\n").filter((_, line) => changedLines(text, after)[line]);
      return [id, lines.length] as const;
    });
    expect(Object.fromEntries(differ)).toEqual({
      nginx: 0,
      apache: 0,
      caddy: 0,
      "php-fpm": 1,
      "edge-fpm": 1,
      "edge-fpm-config": 1,
    });
  });
});

describePeers(["chromium"], "the set-ups' view", () => {
  let playground: Playground;
  let page: Page;
  let complaints: string[];
  beforeAll(async () => {
    playground = await openPlayground();
    ({ page, complaints } = await playground.open("setups", { permissions: ["clipboard-read", "clipboard-write"] }));
  }, 120_000);
  afterAll(() => playground?.close());

  const lines = () => page.locator(".setup-lines .line[data-changed=true]").allTextContents();

  test("marks the lines that a choice has changed, and no others", async () => {
    await page.getByRole("tab", { name: "nginx" }).waitFor();
    expect(await lines()).toEqual([]);
    await page.getByRole("radio", { name: "kept" }).check();
    expect((await lines()).map((line) => line.trim())).toEqual(["keepalive 2;", "fastcgi_keep_conn on;"]);
    await page.getByText("2 lines differ").waitFor();
    await page.getByRole("radio", { name: "TCP" }).check();
    expect((await lines()).map((line) => line.trim())).toContain("server 127.0.0.1:9000;");
  });

  test("shows the numbers of the pool, whichever view has moved them", async () => {
    await page.getByRole("tab", { name: "php-fpm", exact: true }).click();
    await page.getByRole("slider", { name: "pm.max_children" }).fill("7");
    expect(await lines()).toContain("pm.max_children = 7\n");
    await page.getByRole("link", { name: "Pool", exact: true }).click();
    await expect.poll(() => page.getByRole("slider", { name: "pm.max_children" }).inputValue()).toBe("7");
    await page.getByRole("radio", { name: "ondemand" }).check();
    await page.getByRole("link", { name: "Set-ups" }).click();
    await page.getByText("pm.process_idle_timeout = 10s").waitFor();
    expect(await page.getByText("pm.min_spare_servers").count()).toBe(0);
  });

  test("copies a text as it is shown", async () => {
    for (const server of ["nginx", "Apache", "Caddy", "php-fpm", "edge-fpm serve", "edge-fpm.config.ts"]) {
      await page.getByRole("tab", { name: server, exact: true }).click();
      await page.getByRole("button", { name: "Copy", exact: true }).click();
      await page.getByRole("button", { name: "Copied" }).waitFor();
      const copied = await page.evaluate(() => navigator.clipboard.readText());
      expect(copied).toBe(await page.locator(".setup-lines pre").textContent());
      expect(copied.length).toBeGreaterThan(100);
      await page.getByRole("button", { name: "Copy", exact: true }).waitFor();
    }
  });

  test("selects it where copying is not allowed", async () => {
    await page.evaluate(() => {
      Object.defineProperty(navigator, "clipboard", { value: undefined });
    });
    await page.getByRole("button", { name: "Copy", exact: true }).click();
    await page.getByText("Selected: press Ctrl+C").waitFor();
    expect(await page.evaluate(() => String(getSelection()))).toContain("export default defineConfig({");
  });

  test.each(["light", "dark"] as const)("is usable for everyone: %s", async (colorScheme) => {
    await page.emulateMedia({ colorScheme });
    expect(await violations(page)).toEqual([]);
    await page.setViewportSize({ width: 390, height: 844 });
    expect(await violations(page)).toEqual([]);
    expect(await page.locator("main.view").evaluate((view) => view.scrollWidth - view.clientWidth)).toBe(0);
    await page.setViewportSize({ width: 1280, height: 800 });
    expect(complaints).toEqual([]);
  });
});
