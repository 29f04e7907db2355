// What scripts send with mail() in the page: shown below the application, and beside the pool's log.

import { strToU8, zipSync } from "fflate";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { describePeers } from "../peers/peer.ts";
import { openPlayground, type Playground, violations } from "./page.ts";

vi.setConfig({ testTimeout: 60_000 });

const INDEX = `<?php mb_language("uni"); mb_internal_encoding("UTF-8");
$sent = mail("plain@example.org", "Plain", "Hello");
$sent = mb_send_mail("ada@example.org", "Gräfin", "Grüße", "From: shop@example.org") && $sent;
$sent = mail("c@example.org", "Page", "<h1>Heading</h1><script>document.body.textContent = 'ran'</script>", ["Content-Type" => "text/html"]) && $sent;
echo "<!doctype html><html lang=en><title>t</title><main><h1>", $sent ? "Sent" : "Failed", "</h1></main>";`;

describePeers(["chromium"], "mails of scripts", () => {
  let playground: Playground;
  beforeAll(async () => {
    playground = await openPlayground();
  }, 120_000);
  afterAll(() => playground?.close());

  test("are shown, in text and HTML, and not sent", async () => {
    const { page, complaints } = await playground.open("site", { serviceWorkers: "allow" });
    await page.getByText("Files are kept in this browser").waitFor();
    expect(await page.getByRole("region", { name: "Mails" }).count()).toBe(0);
    const buffer = Buffer.from(zipSync({ "index.php": strToU8(INDEX) }));
    await page.locator('input[type="file"]').setInputFiles({ name: "a.zip", mimeType: "application/zip", buffer });
    await page.frameLocator('iframe[title="Application"]').getByRole("heading", { name: "Sent" }).waitFor();
    const mails = page.getByRole("region", { name: "Mails" });
    await expect.poll(() => mails.locator(".mail-subject").allTextContents()).toEqual(["Page", "Gräfin", "Plain"]);
    await mails.getByText("Gräfin").click();
    await mails.locator("pre", { hasText: /^Grüße/ }).waitFor();
    await mails.getByText("shop@example.org", { exact: true }).waitFor();
    await mails.getByText("Page", { exact: true }).click();
    const html = page.frameLocator('iframe[title="Mail: Page"]');
    await html.getByRole("heading", { name: "Heading" }).waitFor();
    expect(await html.locator("body").textContent()).not.toBe("ran");
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      expect(await violations(page)).toEqual([]);
    }
    await page.evaluate(() => {
      location.hash = "#/pool";
    });
    await page.getByText("a mail to ada@example.org is shown in the page, and not sent").waitFor();
    await page.getByRole("tab", { name: "Mails" }).click();
    await page.getByText("to plain@example.org").click();
    await page.getByText("php@localhost", { exact: true }).last().waitFor();
    expect(await violations(page)).toEqual([]);
    // The sandbox of the mail has said that it runs no scripts.
    expect(complaints.filter((complaint) => !complaint.includes("sandboxed"))).toEqual([]);
    await page.context().close();
  });

  test("are missed where there are none yet", async () => {
    const { page } = await playground.open("pool");
    await page.getByRole("tab", { name: "Mails" }).click();
    await page.getByText("No mail yet").waitFor();
    await page.context().close();
  });
});
