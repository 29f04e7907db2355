// Debian's phpsysinfo package, unmodified: it reads /proc and calls programs, and must say so where there are none.

import { cpSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type AppServer, type PhpSettings, type StartAppServer, startNativeWith } from "../peers/app-server.ts";
import { makeScratch, type Scratch } from "../peers/scratch.ts";
import { type Page, Visitor } from "./browser.ts";
import { type Place, recordFigures } from "./figures.ts";

/** The second one is what a style sheet of the first is a link to. */
export const PHPSYSINFO_PACKAGES = ["phpsysinfo", "libjs-bootstrap4"];

/** Longest time for a page that looks for programs everywhere, in milliseconds. */
const NO_HANG = 15_000;

export interface PhpSysInfoPlace {
  readonly where: Place;
  readonly start: StartAppServer;
  /** Whether /proc can be read and programs run. */
  readonly machine: boolean;
}

export function phpSysInfoScenario(tree: string, { where, start, machine }: PhpSysInfoPlace): void {
  let scratch: Scratch;
  let root: string;
  let settings: PhpSettings;
  let server: AppServer;
  let visitor: Visitor;

  beforeAll(async () => {
    scratch = makeScratch("phpsysinfo");
    root = join(scratch.path, "site");
    const styles = join(tree, "usr/share/nodejs/bootstrap/dist/css");
    cpSync(join(tree, "usr/share/phpsysinfo"), root, {
      recursive: true,
      filter: (path) => !/\/vendor\/bootstrap\.min\.css/.test(path),
    });
    cpSync(join(styles, "bootstrap.min.css"), join(root, "templates/vendor/bootstrap.min.css"));
    const hidden = join(root, ".package");
    cpSync(join(tree, "etc/phpsysinfo"), hidden, { recursive: true });
    const config = join(hidden, "phpsysinfo.ini");
    writeFileSync(join(hidden, "prepend.php"), `<?php define('PSI_CONFIG_FILE_PATH', '${config}');\n`);
    settings = { auto_prepend_file: join(hidden, "prepend.php") };
    server = await start(root, settings);
    visitor = new Visitor(server.baseUrl);
  });
  afterAll(async () => {
    await server?.stop();
    scratch.remove();
  });

  const open = async (path: string): Promise<Page> => {
    const page = await visitor.open(path);
    expect(page.status, `${path}\n${page.html.slice(0, 2000)}\n${server.log().slice(-2000)}`).toBe(200);
    return page;
  };

  test(
    "shows its page, with scripts and styles",
    async () => {
      const { html } = await open("/index.php?disp=bootstrap");
      expect(html).toContain("phpSysInfo");
      expect((await open("/js.php?name=phpsysinfo_bootstrap")).bytes.length).toBeGreaterThan(10_000);
      expect((await open("/templates/vendor/bootstrap.min.css")).headers.get("content-type")).toMatch(/^text\/css/);
    },
    NO_HANG,
  );

  test(
    "tells the machine as XML",
    async () => {
      const page = await open("/xml.php");
      expect(page.headers.get("content-type")).toMatch(/^text\/xml/);
      expect(page.html).toMatch(/<Generation version="3\.4\.2" timestamp="\d+"/);
      expect(page.html).toMatch(/<\/tns:phpsysinfo>\s*$/);
      expect(page.html).toMatch(/<Vitals [^>]*OS="Linux"/);
    },
    NO_HANG,
  );

  test(
    machine ? "tells memory and kernel as JSON" : "tells as JSON what it could not find, and nothing made up",
    async () => {
      const page = await open("/xml.php?json");
      expect(page.headers.get("content-type")).toMatch(/^application\/json/);
      const told = JSON.parse(page.html);
      const memory = Number(told.Memory["@attributes"].Total);
      if (machine) {
        expect(memory).toBeGreaterThan(1024 * 1024);
        expect(told.Vitals["@attributes"].Kernel).toMatch(/^\d+\.\d+/);
      } else {
        expect(memory).toBe(0);
        expect(told.Vitals["@attributes"].Kernel).toBe("Unknown");
        expect(JSON.stringify(told.Errors)).toContain("/proc/version");
      }
    },
    NO_HANG,
  );

  test(
    "is there for several visitors at once",
    async () => {
      const pages = await Promise.all(Array.from({ length: 6 }, () => open("/xml.php?json")));
      for (const page of pages) expect(JSON.parse(page.html).Vitals["@attributes"].OS).toBe("Linux");
    },
    2 * NO_HANG,
  );

  recordFigures({ application: "phpSysInfo 3.4", where }, () => ({
    start: () => start(root, settings),
    path: "/index.php?disp=bootstrap",
    native:
      where === "nginx and php-fpm"
        ? undefined
        : { start: () => startNativeWith()(root, settings), path: "/index.php?disp=bootstrap" },
  }));
}
