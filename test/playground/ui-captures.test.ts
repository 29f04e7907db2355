// Captures in the page: read from files, samples and pasted text; written from what passed on the page's wire.

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { WireEvent, WireOpened } from "../../playground/engine/types.ts";
import { captureOfWire } from "../../playground/ui/views/captures/wire-capture.ts";
import { followCapture } from "../../src/capture/follow.ts";
import type { CaptureJson } from "../../src/capture/json.ts";
import { readCapture } from "../../src/capture/read.ts";
import { encodeBeginRequest } from "../../src/codec/index.ts";
import { tsharkRecords, tsharkWarnings } from "../capture/tshark.ts";
import { describePeers } from "../peers/peer.ts";
import { openPlayground, type Playground, sendAndWait, violations } from "./page.ts";

// Each test waits for real interpreters, on a machine that may be busy.
vi.setConfig({ testTimeout: 120_000 });

const wire = join(import.meta.dirname, "../wire");

const folder = mkdtempSync(join(tmpdir(), "edge-fpm-captures-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What the page has written. */
const PAGE_FILE = "page.pcapng";

const requests = (page: Page) => page.getByRole("region", { name: "Requests" }).locator(".request-row");
const records = (page: Page) => page.getByRole("region", { name: "Records" }).locator(".record-row");

describePeers(["chromium"], "the captures' view", () => {
  let playground: Playground;
  let page: Page;
  let complaints: string[];
  beforeAll(async () => {
    playground = await openPlayground();
    ({ page, complaints } = await playground.open("captures", { acceptDownloads: true }));
    await page.getByRole("heading", { name: "Captures" }).waitFor();
  }, 120_000);
  afterAll(() => playground?.close());

  test("opens a sample, and walks from its requests to the bytes of a record", async () => {
    await page.getByRole("button", { name: "nginx-keep.pcapng" }).click();
    await requests(page).first().waitFor();
    expect(await requests(page).allTextContents()).toEqual([
      expect.stringContaining("200GET /hello.php?who=Ada"),
      expect.stringContaining("200GET /hello.php"),
      expect.stringContaining("200POST /form.php"),
      expect.stringContaining("500GET /warn.php"),
      expect.stringContaining("200GET /long.php"),
      expect.stringContaining("404GET /missing.php"),
    ]);
    await requests(page).nth(2).click();
    expect(await records(page).locator(".record-type").allTextContents()).toEqual(
      expect.arrayContaining(["BEGIN_REQUEST", "PARAMS", "STDIN", "STDOUT", "END_REQUEST"]),
    );
    await records(page).nth(1).click();
    const inspector = page.getByRole("region", { name: "Inspector" });
    await inspector.getByText("REQUEST_METHOD").first().waitFor();
    await inspector.getByRole("tab", { name: "States" }).click();
    await inspector.getByText("receiving params").first().waitFor();
    await inspector.getByRole("tab", { name: "Bytes" }).click();
  });

  test("is walked by the keyboard", async () => {
    await records(page).first().click();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowDown");
    expect(await records(page).nth(2).getAttribute("aria-pressed")).toBe("true");
    await page.keyboard.press("ArrowUp");
    expect(
      await records(page)
        .nth(1)
        .evaluate((row) => row === document.activeElement),
    ).toBe(true);
  });

  test("opens a file that is chosen, and one that is dropped", async () => {
    await page.locator("input[type=file]").setInputFiles(join(wire, "apache.pcapng"));
    await page.getByRole("heading", { name: "apache.pcapng" }).waitFor();
    const bytes = readFileSync(join(wire, "caddy.pcapng")).toString("base64");
    await page.locator(".captures").evaluate((view, base64) => {
      const data = new DataTransfer();
      data.items.add(new File([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))], "caddy.pcapng"));
      view.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
    }, bytes);
    await page.getByRole("heading", { name: "caddy.pcapng" }).waitFor();
    expect(await requests(page).count()).toBeGreaterThan(3);
  });

  test("reads a hex dump", async () => {
    await page.getByRole("button", { name: "Paste a hex dump" }).click();
    await page.getByRole("button", { name: "Read this example" }).click();
    await page.getByRole("heading", { name: "the hex dump" }).waitFor();
    expect(await records(page).locator(".record-type").allTextContents()).toEqual(["GET_VALUES"]);
    await page.getByRole("region", { name: "Inspector" }).getByText("FCGI_MPXS_CONNS").first().waitFor();
    await page.getByLabel("Hex dump").fill("01 01 00 05 00 08 00 00 00 01 00 00 00 00 00 00");
    await page.getByRole("button", { name: "Read it" }).click();
    await expect.poll(() => records(page).locator(".record-type").allTextContents()).toEqual(["BEGIN_REQUEST"]);
  });

  test("says what is wrong with a file that it cannot read, and keeps the one that is open", async () => {
    const problem = page.getByRole("alert");
    await page
      .locator("input[type=file]")
      .setInputFiles({ name: "page.gz", mimeType: "", buffer: Buffer.from([0x1f, 0x8b, 8, 0]) });
    await problem.getByText("page.gz: the file is compressed; use gunzip first (CAPTURE_UNSUPPORTED)").waitFor();
    await page.getByRole("heading", { name: "the hex dump" }).waitFor();
  });

  test("writes what passed in the page as pcapng and JSON, which hold every record", async () => {
    await page.getByRole("link", { name: "Workbench" }).click();
    await page.getByLabel("Path and query").fill("/hello.php?name=Ada");
    for (const _ of [1, 2]) {
      await sendAndWait(page);
    }
    await page.getByRole("link", { name: "Captures" }).click();
    const save = async (button: string, name: string) => {
      const [download] = await Promise.all([
        page.waitForEvent("download"),
        page.getByRole("region", { name: "What passed here" }).getByRole("button", { name: button }).click(),
      ]);
      const path = join(folder, name);
      await download.saveAs(path);
      return path;
    };
    const file = await save("pcapng for Wireshark", PAGE_FILE);
    const told = await page.getByRole("region", { name: "What passed here" }).textContent();
    const [, shown = "", connections = ""] = /([\d,]+) records on ([\d,]+) connections/.exec(told ?? "") ?? [];

    const read = followCapture(readCapture(new Uint8Array(readFileSync(file)), { port: 9000 }));
    const items = read.flatMap((one) => one.items).filter(({ item }) => item.type === "record");
    expect(items).toHaveLength(Number(shown.replace(",", "")));
    expect(read).toHaveLength(Number(connections));
    // Two requests, each seen on two hops.
    expect(read.flatMap((one) => one.requests).filter(({ params }) => params.length > 0)).toHaveLength(4);

    const json = JSON.parse(readFileSync(await save("JSON", "page.json"), "utf8")) as CaptureJson;
    const ofJson = json.connections.flatMap((one) => one.items).filter(({ kind }) => kind === "record");
    expect(ofJson).toHaveLength(items.length);
    expect(json.connections.flatMap((one) => one.requests).flatMap(({ params }) => params)).toContainEqual([
      "QUERY_STRING",
      "name=Ada",
    ]);
  });

  test("walks through what passed in the page", async () => {
    await page.getByRole("button", { name: "Walk through it" }).click();
    await page.getByRole("heading", { name: "the wire of this page" }).waitFor();
    expect(
      (await requests(page).allTextContents()).filter((row) => row.includes("GET /hello.php?name=Ada")),
    ).toHaveLength(4);
    expect(await page.locator(".connection-row").allTextContents()).toEqual(
      expect.arrayContaining([
        expect.stringContaining("web server → master"),
        expect.stringContaining("master → child 1"),
      ]),
    );
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

describePeers(["chromium", "tshark"], "Wireshark, reading what the page has written", () => {
  test("names every record, and finds nothing odd", () => {
    const file = join(folder, PAGE_FILE);
    const read = followCapture(readCapture(new Uint8Array(readFileSync(file)), { port: 9000 }));
    const types = read
      .flatMap((one) => one.items)
      .flatMap(({ item }) => (item.type === "record" ? [item.recordType] : []));
    const sorted = (list: readonly number[]) => [...list].sort((a, b) => a - b);
    expect(types.length).toBeGreaterThan(20);
    expect(sorted(tsharkRecords(file).map(({ type }) => type))).toEqual(sorted(types));
    expect(tsharkWarnings(file)).toEqual([]);
  });
});

describe("the wire as a capture", () => {
  const bytes = encodeBeginRequest(1, "responder", false);
  const base = { time: 1000, hop: "web", connection: 7 } as const;
  const opened: WireOpened = { ...base, seq: 1, kind: "opened", pid: 0, origin: "web-server" };
  const record: WireEvent = {
    ...base,
    seq: 2,
    kind: "record",
    direction: "to-application",
    type: 1,
    requestId: 1,
    contentLength: 8,
    paddingLength: 0,
    request: 1,
    bytes,
    malformed: false,
  };

  test("has both ends of a connection that closed, and one break of one that broke", () => {
    const closed = captureOfWire([opened, record, { ...base, seq: 3, kind: "closed" }], () => opened);
    expect(closed.connections[0]?.events.map(({ type }) => type)).toEqual(["bytes", "end", "end"]);
    const broken = captureOfWire([opened, record, { ...base, seq: 3, kind: "closed", error: "reset" }], () => opened);
    expect(broken.connections[0]?.events).toEqual([
      expect.objectContaining({ type: "bytes" }),
      expect.objectContaining({ type: "end", how: "reset" }),
    ]);
  });

  test("takes one hop when asked", () => {
    const inner: WireEvent = { ...record, seq: 4, hop: "child", connection: 8 };
    expect(captureOfWire([opened, record, inner], () => undefined, "child").connections).toMatchObject([
      { id: 1, webServer: "master", application: "child of connection 8" },
    ]);
    expect(captureOfWire([opened, record, inner], () => opened).connections).toHaveLength(2);
  });
});
