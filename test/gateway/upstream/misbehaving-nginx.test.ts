// The same faults through a real nginx: what the table says of it is true, and the rest is the same as ours.

import { writeFileSync } from "node:fs";
import { get } from "node:http";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Nginx, startNginx } from "../../peers/nginx.ts";
import { describePeers } from "../../peers/peer.ts";
import { makeScratch } from "../../peers/scratch.ts";
import { type ScriptedApplication, startScriptedApplication } from "../../peers/scripted-application.ts";
import { FAULTS } from "./faults.ts";

/** The status, and "broken" in its place when the body breaks off. */
function ask(url: string, row: number): Promise<number | "broken"> {
  return new Promise((resolve, reject) => {
    const asked = get(url, { headers: { row: String(row) } }, (response) => {
      response.resume();
      response.on("error", () => resolve("broken"));
      response.on("end", () => resolve(response.complete ? (response.statusCode ?? 0) : "broken"));
    });
    asked.on("error", reject);
    asked.setTimeout(10_000, () => asked.destroy(new Error("nginx does not answer")));
  });
}

describePeers(["nginx"], "nginx in front of an application that misbehaves", () => {
  const scratch = makeScratch("faults");
  let application: ScriptedApplication;
  let nginx: Nginx;
  beforeAll(async () => {
    writeFileSync(join(scratch.path, "index.php"), "");
    application = await startScriptedApplication({
      answer: (request) => FAULTS[Number(request.params.HTTP_ROW)]?.answer(request),
    });
    if (application.address.type !== "tcp") throw new Error("a port");
    const fastcgi = { kind: "tcp", port: application.address.port } as const;
    nginx = await startNginx({ root: scratch.path, fastcgi, locationLines: ["fastcgi_read_timeout 1s;"] });
  });
  afterAll(async () => {
    await nginx.stop();
    await application.close();
    scratch.remove();
  });

  test.each(FAULTS.map((fault, row) => [fault.what, fault.nginx ?? fault.gives, row] as const))(
    "%s: %s",
    async (_what, gives, row) => {
      expect(await ask(`${nginx.baseUrl}/index.php`, row)).toBe(gives === "whole" ? 200 : gives);
    },
  );
});
