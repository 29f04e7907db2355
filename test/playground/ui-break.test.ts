// Breaking the protocol by hand, and several requests on one connection, as a visitor does both.

import { afterAll, beforeAll, expect, test } from "vitest";
import { describePeers } from "../peers/peer.ts";
import { openPlayground, type Playground } from "./page.ts";

const FIRST = { timeout: 60_000 };

describePeers(["chromium"], "the views of single connections", () => {
  let playground: Playground;
  beforeAll(async () => {
    playground = await openPlayground();
  }, 120_000);
  afterAll(() => playground?.close());

  test("break it: every ready scenario ends as it is told", async () => {
    const { page, complaints } = await playground.open("break");
    const titles = page.locator(".scenario-title");
    await titles.first().waitFor();
    const count = await titles.count();
    expect(count).toBeGreaterThanOrEqual(13);
    for (let i = 0; i < count; i++) {
      const item = page.locator(".scenario").nth(i);
      if ((await item.locator(".scenario-title").getAttribute("aria-expanded")) === "false") {
        await item.locator(".scenario-title").click();
      }
      await item.getByRole("button", { name: "Run", exact: true }).click();
      await item.getByText("as expected", { exact: true }).waitFor(FIRST);
    }
    expect(complaints).toEqual([]);
    await page.context().close();
  }, 120_000);

  test("break it: an error comes with its code and what it means", async () => {
    const { page } = await playground.open("break");
    await page.getByRole("button", { name: "HTTP on a FastCGI port" }).click();
    await page.getByRole("button", { name: "Run", exact: true }).click();
    const alert = page.getByRole("alert").filter({ hasText: "FCGI_BAD_VERSION" });
    await alert.waitFor();
    expect(await alert.textContent()).toContain("the peer does not speak FastCGI");
    await page.getByText("the connection has ended").waitFor();
    await page.context().close();
  });

  test("break it: composed records run a script, and the connection serves again", async () => {
    const { page } = await playground.open("break");
    await page.getByRole("button", { name: "Open and send" }).click();
    const entries = page.getByRole("list", { name: "What passed" });
    await entries.getByRole("button", { name: /received END_REQUEST/ }).waitFor(FIRST);
    await page.getByRole("button", { name: "Send", exact: true }).click();
    await expect.poll(() => entries.getByRole("button", { name: /received END_REQUEST/ }).count()).toBe(2);
    await page.getByLabel("Type of record 1").selectOption("42");
    await page.getByLabel("Request id of record 1").fill("0");
    for (let i = 0; i < 3; i++) await page.getByRole("button", { name: "Remove record 2" }).click();
    await page.getByRole("button", { name: "Send", exact: true }).click();
    await entries.getByRole("button", { name: /received UNKNOWN_TYPE/ }).waitFor();
    await page.getByRole("button", { name: "Close", exact: true }).click();
    await page.getByText("the connection has ended").waitFor();
    await page.context().close();
  }, 60_000);

  test("break it: raw bytes are explained as they are typed, and sent as they are", async () => {
    const { page } = await playground.open("break");
    await page.getByRole("tab", { name: "Raw bytes" }).click();
    const hex = page.getByLabel("Hex digits");
    expect(await hex.inputValue()).toMatch(/^01 01 00 01 00 08 00 00/);
    await hex.fill("01 09 00 00 00 11 00 00 0f 00 46 43 47 49 5f 4d 50 58 53 5f 43 4f 4e 4e 53");
    await page.getByText("Record 1 of 1").waitFor();
    expect(await page.getByRole("listbox", { name: "Record 1: fields" }).textContent()).toContain("FCGI_MPXS_CONNS");
    await page.getByRole("button", { name: "Open and send" }).click();
    await page.getByRole("button", { name: /received GET_VALUES_RESULT/ }).waitFor();
    await hex.fill("01 0z");
    await page.getByText('"z" is no hex digit').waitFor();
    await page.getByRole("button", { name: "Reset" }).click();
    await page.getByText(/the connection (broke|has ended)/).waitFor();
    await page.context().close();
  });

  test("multiplex: one connection carries all, out of order; a connection each has one id only", async () => {
    const { page, complaints } = await playground.open("multiplex");
    await page.getByRole("button", { name: "Send them" }).click();
    const shared = page.getByRole("region", { name: "One shared connection" });
    const own = page.getByRole("region", { name: "A connection each" });
    await own.locator(".lesson").waitFor(FIRST);
    const labels = (run: typeof shared) => run.locator(".gantt-label").allTextContents();
    const connections = (texts: string[]) => new Set(texts.map((text) => /connection (\d+)/.exec(text)?.[1]));
    const ids = (texts: string[]) => texts.map((text) => /id (\d+)/.exec(text)?.[1]);
    expect(connections(await labels(shared)).size).toBe(1);
    expect(new Set(ids(await labels(shared))).size).toBe(4);
    expect(connections(await labels(own)).size).toBe(4);
    expect(new Set(ids(await labels(own))).size).toBe(1);
    // The longest was sent first, so it ends last.
    expect(await shared.locator(".lesson").textContent()).toMatch(
      /Sent as 1, 2, 3, 4; ended as [\d, ]*1: out of order/,
    );
    expect(await shared.locator(".lesson").textContent()).toContain("request id");
    const stream = await shared.locator(".stream-record").allTextContents();
    expect(stream.filter((id, index) => index > 0 && id !== stream[index - 1]).length).toBeGreaterThan(4);
    expect(complaints).toEqual([]);
    await page.context().close();
  }, 60_000);
});
