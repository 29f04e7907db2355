import { describe, expect, test } from "vitest";
import { Pool, type PoolStatus, pingPage, poolConfig, statusArray, statusPage } from "../../src/fpm/index.ts";
import { FakeClock, fakePlatform, never, request } from "./fakes.ts";

/** One child that is busy with a request as hostile as they come, one that is idle. */
async function status(): Promise<PoolStatus> {
  const clock = new FakeClock();
  const pool = new Pool(poolConfig({ pm: "static", maxChildren: 2 }), fakePlatform(clock).spawn, { clock });
  const started = pool.start();
  await clock.advance(0);
  await started;
  await pool.acquire(
    request({
      uri: "/<b>.php",
      query: 'q="&\u00c3\u00a9\n\u0001\u00ff',
      user: "a'\"\\n",
      script: "/srv/</td>.php",
      method: "GET",
    }),
    never,
  );
  pool.connections.opened();
  pool.connections.timedOut("params");
  return pool.status();
}

function page(query: string, given: PoolStatus, method = "GET"): string {
  return statusPage({ method, query }, () => given).body;
}

describe("the status page", () => {
  test.each([
    ["", "pool: "],
    ["full", "pool: "],
    ["FULL&JSON", "pool: "],
    ["json", "{"],
    ["full&json=1", "{"],
    ["a=b&json", "{"],
    ["js%6fn", "{"],
    ["json[]=1", "{"],
    // php-fpm takes any beginning of a name for the name: x for xml.
    ["x=1&j", "pool: "],
    ["json&openmetrics", "{"],
    ["openmetrics&json&xml", "<?xml"],
    ["xml&html", "<!DOCTYPE"],
    ["openmetrics", "# HELP"],
    ["%zz&xml", "<?xml"],
  ])("chooses the format that the query %j names", async (query, start) => {
    expect(page(query, await status()).startsWith(start)).toBe(true);
  });

  test("escapes what came with the request in HTML and XML", async () => {
    const given = await status();
    for (const format of ["html", "xml"]) {
      const body = page(`${format}&full`, given);
      expect(body).toContain("/&lt;b&gt;.php?q=&quot;&amp;\u00e9\n\ufffd\ufffd<");
      expect(body).toContain("/srv/&lt;/td&gt;.php<");
      expect(body).not.toContain("<b>");
    }
  });

  test("is JSON in ASCII whatever came with the request", async () => {
    const body = page("json&full", await status());
    expect(body).toMatch(/^[\u0020-\u007e]*$/);
    const [child] = JSON.parse(body).processes;
    expect(child).toMatchObject({ "request uri": '/<b>.php?q="&\u00e9\n\u0001', user: "a'\"\\n" });
    expect(body).toContain('"request uri":"\\/<b>.php');
  });

  test("keeps a request's line ends out of the text", async () => {
    const body = page("full", await status());
    expect(body).toContain('request URI:          /<b>.php?q="&\u00e9..\ufffd\n');
  });

  test("gives ours a place of their own in every format", async () => {
    const given = await status();
    expect(page("", given)).toContain("edge-fpm half-sent headers:       1\n");
    expect(JSON.parse(page("json", given))["edge-fpm"]).toMatchObject({
      "half-sent headers": 1,
      "open connections": 1,
    });
    expect(page("html", given)).toContain("<tr><th>edge-fpm half-sent headers</th><td>1</td></tr>");
    expect(page("xml", given)).toMatch(
      /<edge-fpm>\n[\s\S]*<half-sent-headers>1<\/half-sent-headers>[\s\S]*<\/edge-fpm>/,
    );
    expect(page("openmetrics", given)).toContain('edgefpm_connection_timeouts_total{pool="www",reason="params"} 1\n');
  });

  test("shows each child in the full OpenMetrics page, with escaped labels", async () => {
    const given = await status();
    expect(page("openmetrics", given)).not.toContain("edgefpm_process_");
    const body = page("openmetrics&full", given);
    expect(body).toContain('edgefpm_process_requests_total{pool="www",pid="1"} 1\n');
    expect(body).toContain('edgefpm_process_requests_total{pool="www",pid="2"} 0\n');
    expect(body).toContain('user="a\'\\"\\\\n"');
    expect(body).toContain('request_uri="/<b>.php?q=\\"&\u00e9\\n');
    expect(body.endsWith("# EOF\n")).toBe(true);
  });

  test("writes OpenMetrics that a scraper can read: every sample after its family's type", async () => {
    const types = new Map<string, string>();
    for (const line of page("openmetrics&full", await status())
      .split("\n")
      .slice(0, -2)) {
      const type = /^# TYPE (\S+) (\S+)$/.exec(line);
      if (type !== null) types.set(type[1] ?? "", type[2] ?? "");
      if (line.startsWith("#")) continue;
      const sample = /^([a-z_]+)(\{(?:[a-z_]+="(?:[^"\\]|\\.)*",?)*\})? \d+(\.\d+)?(e-\d+)?$/.exec(line);
      expect(sample, line).not.toBeNull();
      expect(types.has((sample?.[1] ?? "").replace(/_total$/, "")), line).toBe(true);
    }
  });

  test("does not ask for the status to answer HEAD", () => {
    const { head, body } = statusPage({ method: "HEAD", query: "json" }, () => {
      throw new Error("asked");
    });
    expect(body).toBe("");
    expect(head.at(-1)).toBe("Content-type: text/html; charset=UTF-8");
  });
});

describe("ping", () => {
  test("answers with its response, and HEAD without", () => {
    expect(pingPage({ method: "GET", query: "" }, "pong").body).toBe("pong");
    expect(pingPage({ method: "HEAD", query: "" }, "pong").body).toBe("");
  });
});

describe("fpm_get_status()", () => {
  test("has the names of php-fpm's array", async () => {
    const given = statusArray(await status());
    expect(given).toMatchObject({ pool: "www", "process-manager": "static", "accepted-conn": 1 });
    expect((given.procs as object[])[0]).toMatchObject({ pid: 1, "query-string": expect.stringContaining("q=") });
  });
});
