// The wire and the inspector: every record as an arrow, its bytes explained, the states of both sides.

import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { describePeers } from "../peers/peer.ts";
import { openPlayground, type Playground, sendAndWait } from "./page.ts";

const rows = (page: Page) => page.getByRole("listbox", { name: "Records, oldest first" }).getByRole("option");
const inspector = (page: Page) => page.getByRole("region", { name: "Inspector" });

async function request(page: Page, url: string): Promise<void> {
  await page.getByLabel("Path and query").fill(url);
  await sendAndWait(page);
  // The last records come a frame or two after the answer.
  let before = -1;
  const still = async () => {
    const last = before;
    before = await count(page);
    return before === last;
  };
  await vi.waitUntil(still, { timeout: 10_000, interval: 100 });
}

/** Rows in all: few of them are drawn. */
async function count(page: Page): Promise<number> {
  const sizes = await rows(page).evaluateAll((options) => options.map((option) => Number(option.ariaSetSize)));
  return sizes[0] ?? 0;
}

/** Type names of the rows that are drawn, in their order. */
async function types(page: Page): Promise<string[]> {
  return await rows(page).evaluateAll((options) =>
    options
      .filter((option) => option.querySelector("b") !== null)
      .sort((a, b) => Number(a.ariaPosInSet) - Number(b.ariaPosInSet))
      .map((option) => `${option.getAttribute("data-hop")} ${option.querySelector("b")?.textContent}`),
  );
}

/**
 * The longest task of the page's own thread in a trace, in milliseconds: the time that it worked, not the time that it
 * waited for a processor while other programs had them.
 */
function longestTask(trace: Buffer): number {
  const { traceEvents } = JSON.parse(trace.toString()) as { traceEvents: readonly TraceEvent[] };
  const threads = traceEvents.filter(({ name, args }) => name === "thread_name" && args?.name === "CrRendererMain");
  const tasks = traceEvents.filter(
    ({ name, pid, tid }) =>
      name.endsWith("RunTask") && threads.some((thread) => thread.pid === pid && thread.tid === tid),
  );
  expect(tasks.length).toBeGreaterThan(100);
  return tasks.reduce((longest, { tdur = 0 }) => Math.max(longest, tdur / 1000), 0);
}

interface TraceEvent {
  readonly name: string;
  readonly pid: number;
  readonly tid: number;
  /** Microseconds of the processor. */
  readonly tdur?: number;
  readonly args?: { readonly name?: string };
}

describePeers(["chromium"], "the wire", () => {
  let playground: Playground;
  let page: Page;
  let complaints: string[];
  beforeAll(async () => {
    playground = await openPlayground();
    ({ page, complaints } = await playground.open("workbench", {
      viewport: { width: 1280, height: 1600 },
      permissions: ["clipboard-read", "clipboard-write"],
    }));
    // PHP's start and the children's first connections are no part of what is looked at.
    await request(page, "/hello.php");
    await page.getByRole("button", { name: "Clear" }).click();
    await request(page, "/hello.php?name=Ada");
  }, 120_000);
  afterAll(() => playground?.close());

  test("shows every record of a request over both hops", async () => {
    const seen = await types(page);
    const of = (hop: string) => seen.filter((row) => row.startsWith(hop)).map((row) => row.slice(hop.length + 1));
    expect(of("web")).toEqual(["BEGIN_REQUEST", "PARAMS", "PARAMS", "STDIN", "STDOUT", "END_REQUEST"]);
    expect(of("child").filter((type) => !type.startsWith("GET_VALUES"))).toEqual(of("web"));
    const [first] = await rows(page).allTextContents();
    expect(first).toMatch(/^0\.0 milliseconds: connection \d+ opened/);
  });

  test("is walked by the keyboard, and Enter goes to the inspector", async () => {
    await page.getByRole("listbox", { name: "Records, oldest first" }).focus();
    await page.keyboard.press("Home");
    await page.keyboard.press("ArrowDown");
    const chosen = page.locator('.wire-row[aria-selected="true"]');
    expect(await chosen.getAttribute("aria-posinset")).toBe("2");
    expect(
      await page.getByRole("listbox", { name: "Records, oldest first" }).getAttribute("aria-activedescendant"),
    ).toBe(await chosen.getAttribute("id"));
    await inspector(page).getByRole("heading", { name: "BEGIN_REQUEST" }).waitFor();
    await page.keyboard.press("Enter");
    expect(await page.evaluate(() => document.activeElement?.id)).toBe("inspector");
  });

  test("is filtered by lane, by type, by request; paused and cleared", async () => {
    await page.getByLabel("Hop").selectOption("child");
    expect(new Set((await types(page)).map((row) => row.split(" ")[0]))).toEqual(new Set(["child"]));
    await page.getByLabel("Hop").selectOption("all");
    await page.getByLabel("Part of a record type").fill("stdout");
    expect(await types(page)).toEqual(["child STDOUT", "web STDOUT"]);
    await page.getByLabel("Part of a record type").fill("");

    await request(page, "/hello.php?name=Bob");
    const both = await count(page);
    await rows(page).filter({ hasText: "BEGIN_REQUEST" }).first().click();
    await page.getByRole("button", { name: "Only this" }).click();
    expect(await count(page)).toBeLessThan(both);
    const one = await types(page);
    expect(one.filter((row) => row.endsWith("BEGIN_REQUEST"))).toHaveLength(2);
    await page.getByRole("button", { name: /^Request \d+/ }).click();
    expect(await count(page)).toBe(both);

    await page.getByRole("button", { name: "Pause" }).click();
    await request(page, "/hello.php?name=Cy");
    expect(await count(page)).toBe(both);
    await page.getByRole("button", { name: "Go on" }).click();
    await expect.poll(() => count(page)).toBeGreaterThan(both);
    await page.getByRole("button", { name: "Clear" }).click();
    await page.getByText("Nothing has passed").waitFor();
    await request(page, "/hello.php?name=Ada");
  });

  test("explains a record: bytes, fields, pairs with their lengths", async () => {
    await rows(page).filter({ hasText: "PARAMS" }).first().click();
    const fields = inspector(page).getByRole("listbox", { name: "PARAMS: fields" });
    const text = (await fields.textContent()) ?? "";
    for (const name of ["version", "type", "requestId", "contentLength", "paddingLength"]) expect(text).toContain(name);
    const pair = fields.getByRole("option").filter({ hasText: "REQUEST_METHOD" });
    // 14 letters, and "GET" has 3.
    expect(await pair.locator(".pair-lengths .pair-part").allTextContents()).toEqual(["14", "3"]);
    expect(await inspector(page).locator(".hex-bytes").first().textContent()).toMatch(/^01 ?04 ?00 ?01/);
  });

  test("lights the bytes of a field, and the field of bytes", async () => {
    const lit = () => inspector(page).locator(".hex-bytes .lit").allTextContents();
    await inspector(page).getByRole("option").filter({ hasText: "requestId" }).hover();
    await expect.poll(lit).toEqual(["00 01"]);
    await inspector(page).locator('.hex-bytes [data-field="1"]').first().hover();
    await inspector(page).locator(".fields .lit .field-name").getByText("type", { exact: true }).waitFor();
    await page.mouse.move(0, 0);
    await inspector(page).getByRole("listbox", { name: "PARAMS: fields" }).focus();
    await page.keyboard.press("Home");
    await page.keyboard.press("ArrowDown");
    await expect.poll(lit).toEqual(["04"]);
  });

  test("copies a record as hex", async () => {
    await rows(page).filter({ hasText: "BEGIN_REQUEST" }).first().click();
    await inspector(page)
      .getByRole("button", { name: /copy the record as hex/ })
      .click();
    await inspector(page).getByText("Copied").waitFor();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toMatch(
      /^00000000 {2}01 01 00 01 00 08 00 00 00 01 0[01] 00 00 00 00 00 {2}\|\.{16}\|$/,
    );
  });

  test("shows what the record did to the state of each side", async () => {
    await inspector(page).getByRole("tab", { name: "States" }).click();
    const said = async (type: string, last = false) => {
      const all = rows(page).filter({ hasText: type }).and(page.locator('[data-hop="web"]'));
      await (last ? all.last() : all.first()).click();
      return await inspector(page).locator("figcaption span").allTextContents();
    };
    expect(await said("BEGIN_REQUEST")).toEqual([
      "begin: from no request to sending stdin",
      "begin: from no request to receiving params",
    ]);
    expect((await said("PARAMS", true))[1]).toBe("params end: from receiving params to receiving stdin");
    expect(await said("STDIN")).toEqual([
      "stdin end: from sending stdin to waiting",
      "stdin end: from receiving stdin to responding",
    ]);
    expect(await said("END_REQUEST")).toEqual([
      "end request: from waiting to ended",
      "end request: from responding to ended",
    ]);
    expect(await inspector(page).locator(".state[data-now]").allTextContents()).toEqual(["ended", "ended"]);
    expect(await inspector(page).locator(".move[data-made]").count()).toBe(2);
    await inspector(page).getByRole("tab", { name: "Specification" }).click();
    await inspector(page).getByText("FastCGI 1.0, section 5.5").waitFor();
    await inspector(page).getByRole("tab", { name: "Bytes" }).click();
  });

  test("says so when it shows the start of a long record only", async () => {
    await page.evaluate(() => {
      const scripts = JSON.parse(localStorage.getItem("edge-fpm.scripts") ?? "{}");
      localStorage.setItem(
        "edge-fpm.scripts",
        JSON.stringify({ ...scripts, "/big.php": "<?php echo str_repeat('x', 60000);" }),
      );
    });
    await page.reload();
    await request(page, "/big.php");
    await page.getByLabel("Part of a record type").fill("STDOUT");
    await rows(page)
      .filter({ hasText: /[1-6]\d{4} B/ })
      .last()
      .click();
    await inspector(page)
      .getByText(/The first 4,096 of [\d,]+ bytes/)
      .waitFor();
    await page.getByLabel("Part of a record type").fill("");
  });

  test("stays responsive under a thousand requests, and draws the rows only that are seen", async () => {
    await page.getByRole("link", { name: "Pool" }).click();
    await page.locator(".timeline canvas").waitFor();
    await playground.browser.startTracing(page, { categories: ["toplevel", "__metadata"] });
    const form = page.getByRole("region", { name: "Load" });
    await form.getByRole("slider", { name: /requests/ }).fill("1000");
    await form.getByRole("button", { name: "Send", exact: true }).click();
    await page.getByRole("link", { name: "Workbench" }).click();
    await expect.poll(() => count(page), { timeout: 60_000, interval: 200 }).toBeGreaterThan(10_000);
    expect(await rows(page).count()).toBeLessThan(100);
    await page
      .getByText(/\b1,?00\d requests/)
      .first()
      .waitFor({ timeout: 60_000 });
    expect(longestTask(await playground.browser.stopTracing())).toBeLessThan(200);
    // The tail is followed; the first row is there when the list is scrolled to it.
    const list = page.getByRole("listbox", { name: "Records, oldest first" });
    await list.focus();
    await page.keyboard.press("End");
    expect(await page.locator('.wire-row[aria-selected="true"]').getAttribute("aria-posinset")).toBe(
      String(await count(page)),
    );
    await page.keyboard.press("Home");
    await page.locator('.wire-row[aria-posinset="1"][aria-selected="true"]').waitFor();
    await page.getByRole("button", { name: "Newest" }).click();
    await page.locator(`.wire-row[aria-posinset="${await count(page)}"]`).waitFor();
    expect(complaints).toEqual([]);
  }, 120_000);
});
