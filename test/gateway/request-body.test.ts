import { existsSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { describe, expect, test } from "vitest";
import type { GatewayOptions, Spool } from "../../src/gateway/index.ts";
import { nodeSpool } from "../../src/platform/node/spool.ts";
import { decode, documentRoot, gatewayOf, type Script } from "./application.ts";

/** Tells how many bytes of body it was promised and how many it got. */
const measure: Script = async (visit) => {
  const body = await visit.stdin();
  await visit.out(
    `Content-Type: text/plain\n\n${visit.params.CONTENT_LENGTH}/${body.length}/${decode(body.subarray(0, 5))}`,
  );
  return undefined;
};

const LIMITS = { maxBody: 1000, maxBodyInMemory: 100 };

function stream(chunks: Iterable<string>, end: "close" | "error" | "never" = "close"): ReadableStream<Uint8Array> {
  const iterator = chunks[Symbol.iterator]();
  return new ReadableStream(
    {
      pull(controller) {
        const next = iterator.next();
        if (!next.done) controller.enqueue(new TextEncoder().encode(next.value));
        else if (end === "close") controller.close();
        else if (end === "error") controller.error(new Error("connection reset"));
        else return new Promise(() => {});
      },
    },
    { highWaterMark: 0 },
  );
}

async function post(
  body: ReadableStream<Uint8Array> | string | null,
  declared?: number | string,
  options: Partial<GatewayOptions> = {},
  script: Script = measure,
) {
  let ran = 0;
  const counting: Script = (visit) => {
    ran++;
    return script(visit);
  };
  const { get, failures } = await gatewayOf(counting, { limits: LIMITS, ...options });
  const headers: Record<string, string> = declared === undefined ? {} : { "content-length": String(declared) };
  const response = await get("/index.php", { method: "POST", headers, body, duplex: "half" } as RequestInit);
  const text = await response.text().catch((error: Error) => `broken: ${error.message}`);
  return { status: response.status, text, failures, ran };
}

/** The real spool, and how often it was told to discard. */
function countedSpool() {
  let count = 0;
  const real = nodeSpool();
  const spool: Spool = async () => {
    const place = await real();
    return {
      ...place,
      discard() {
        count++;
        return place.discard();
      },
    };
  };
  return { spool, discarded: () => count };
}

describe("a declared body", () => {
  test.each([0, 1, 99, 100, 101, 999, 1000])("of %i bytes arrives whole", async (length) => {
    const body = "x".repeat(length);
    const { status, text } = await post(stream([body]), length);
    expect(status).toBe(200);
    expect(text).toBe(`${length}/${length}/${body.slice(0, 5)}`);
  });

  test("in many chunks arrives whole, in memory and streamed", async () => {
    expect((await post(stream("abcdefghij"), 10)).text).toBe("10/10/abcde");
    expect((await post(stream("abcdefghij".repeat(30)), 300)).text).toBe("300/300/abcde");
  });

  test("longer than allowed is refused before a byte is read", async () => {
    const { status, failures, ran } = await post(stream(["x"], "never"), 1001);
    expect(status).toBe(413);
    expect(ran).toBe(0);
    expect(failures).toMatchObject([{ code: "GATEWAY_BODY_LIMIT" }]);
  });

  test.each(["-1", "1e3", "0x10", "10, 10", "9".repeat(20), ""])("with the length %j is refused", async (length) => {
    const { status, failures, ran } = await post(stream(["x"]), length);
    expect(status).toBe(400);
    expect(failures).toMatchObject([{ code: "GATEWAY_BAD_REQUEST" }]);
    expect(ran).toBe(0);
  });

  test.each([50, 500])(
    "shorter than its %i bytes is the visitor's fault, and no script gets it whole",
    async (length) => {
      const { status, failures } = await post(stream(["x".repeat(10)]), length);
      expect(status).toBe(400);
      expect(failures).toMatchObject([{ code: "GATEWAY_BODY_LENGTH" }]);
    },
  );

  test.each([50, 500])("longer than its %i bytes is the visitor's fault", async (length) => {
    const { status, failures } = await post(stream(["x".repeat(length), "y"]), length);
    expect(status).toBe(400);
    expect(failures).toMatchObject([{ code: "GATEWAY_BODY_LENGTH" }]);
  });

  test.each([50, 500])("of %i bytes that breaks off is the visitor's fault", async (length) => {
    const { status, failures } = await post(stream(["x".repeat(10)], "error"), length);
    expect(status).toBe(400);
    expect(failures).toMatchObject([{ code: "GATEWAY_BODY_LENGTH" }]);
  });

  test("aborts the exchange when it breaks off in the middle", async () => {
    let aborted: unknown;
    const script: Script = async (visit) => {
      visit.signal.addEventListener("abort", () => {
        aborted = visit.signal.reason;
      });
      await visit.stdin();
      return undefined;
    };
    await post(stream(["x".repeat(10)], "error"), 500, {}, script);
    expect(aborted).toMatchObject({ code: "GATEWAY_BODY_LENGTH" });
  });

  test("reaches no script before it is whole, when it is short: a slow visitor holds no child", async () => {
    const { status, ran } = await post(stream(["x"], "never"), 50, { timeouts: { body: 20 } });
    expect(status).toBe(408);
    expect(ran).toBe(0);
  });

  test("that stops in the middle of streaming ends the exchange", async () => {
    const { status, failures, ran } = await post(stream(["x"], "never"), 500, { timeouts: { body: 20 } });
    expect(status).toBe(408);
    expect(ran).toBe(1);
    expect(failures).toMatchObject([{ code: "GATEWAY_BODY_TIMEOUT" }]);
  });

  test("is no body of a GET", async () => {
    const { get } = await gatewayOf(measure);
    expect(await (await get("/index.php", { headers: { "content-length": "5" } })).text()).toBe("/0/");
  });

  test("that is announced and absent is refused", async () => {
    expect((await post(null, 5)).status).toBe(400);
  });

  test("that a script does not read is no obstacle", async () => {
    const script: Script = async (visit) => {
      await visit.out("A: 1\n\ndone");
      return undefined;
    };
    expect((await post(stream(["x".repeat(500)]), 500, {}, script)).text).toBe("done");
  });

  test("is read no faster than the script takes it", async () => {
    let made = 0;
    function* chunks() {
      for (; made < 1000; made++) yield "x";
    }
    let seen = 0;
    const script: Script = async (visit) => {
      for await (const _ of visit.stdinChunks) {
        if (++seen === 10) break;
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
      await visit.out("A: 1\n\ndone");
      return undefined;
    };
    expect((await post(stream(chunks()), 1000, {}, script)).text).toBe("done");
    expect(made).toBeLessThan(15);
  });
});

describe("a body of unknown length", () => {
  test.each([0, 1, 100])("of %i bytes is gathered in memory", async (length) => {
    const { status, text } = await post(stream(["x".repeat(length)]));
    expect(status).toBe(200);
    expect(text.startsWith(`${length}/${length}/`)).toBe(true);
  });

  test("too long for memory is refused with 411 where there is no spool", async () => {
    const { status, failures, ran } = await post(stream(["x".repeat(101)]));
    expect(status).toBe(411);
    expect(failures).toMatchObject([{ code: "GATEWAY_LENGTH_REQUIRED" }]);
    expect(ran).toBe(0);
  });

  test("too long for memory is spooled, whole and in order, and nothing stays behind", async () => {
    const folder = await documentRoot({ "x/": "" });
    const text = Array.from({ length: 90 }, (_, i) => String(i).padStart(10, "0"));
    const whole: Script = async (visit) => {
      expect(decode(await visit.stdin())).toBe(text.join(""));
      expect(visit.params.CONTENT_LENGTH).toBe("900");
      await visit.out("A: 1\n\nok");
      return undefined;
    };
    const answer = await post(stream(text), undefined, { spool: nodeSpool(folder) }, whole);
    expect(answer).toMatchObject({ status: 200, text: "ok" });
    expect(readdirSync(folder)).toEqual(["x"]);
  });

  test("beyond the limit is refused, spooled or not, and the spool discarded", async () => {
    const { spool, discarded } = countedSpool();
    const { status, failures, ran } = await post(stream("x".repeat(1001)), undefined, { spool });
    expect(status).toBe(413);
    expect(failures).toMatchObject([{ code: "GATEWAY_BODY_LIMIT" }]);
    expect(ran).toBe(0);
    expect(discarded()).toBeGreaterThan(0);
  });

  test("is discarded from the spool when the exchange fails too", async () => {
    const { spool, discarded } = countedSpool();
    const { status } = await post(stream("x".repeat(500)), undefined, { spool }, async () => {
      throw new Error("crash");
    });
    expect(status).toBe(500);
    expect(discarded()).toBeGreaterThan(0);
  });
});

describe("the Node spool", () => {
  test("has no name in the file system, and discards twice", async () => {
    const place = await nodeSpool()();
    await place.append(new TextEncoder().encode("abc"));
    expect(readdirSync(tmpdir()).filter((name) => name.startsWith("edge-fpm-body-"))).toEqual([]);
    let text = "";
    for await (const chunk of place.read()) text += decode(chunk);
    expect(text).toBe("abc");
    await place.discard();
    await place.discard();
    expect(existsSync(tmpdir())).toBe(true);
  });

  test("fails clearly when its folder is missing", async () => {
    await expect(nodeSpool("/nonexistent")()).rejects.toMatchObject({ code: "ENOENT" });
  });
});
