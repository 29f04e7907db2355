// What is in this capture? Files, standard input, every format, and exit codes.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writePcapng } from "../../src/capture/pcapng-write.ts";
import { concat } from "../../src/codec/index.ts";
import { answer, bytes, request } from "../capture/build.ts";
import { toHex } from "../codec/wire.ts";
import { makeScratch, type Scratch } from "../peers/scratch.ts";
import { run } from "./run.ts";

const NGINX = fileURLToPath(new URL("../wire/nginx.pcapng", import.meta.url));

let scratch: Scratch;
let file: string;
beforeAll(() => {
  scratch = makeScratch("decode");
  file = join(scratch.path, "two.pcapng");
  const made = (id: number, text: string) => ({
    id,
    webServer: "w",
    application: "a",
    mixed: false,
    events: [
      bytes("to-application", concat([request(1, [["SCRIPT_NAME", `/${text}`]]), request(2)]), id * 1000),
      bytes(
        "to-web-server",
        concat([answer(2, `Status: 200\r\n\r\n${text}`, "oops"), answer(1, "A: b\n\nx")]),
        id * 1000 + 1.5,
      ),
    ],
  });
  writeFileSync(file, writePcapng([made(1, "first"), made(2, "second")]));
  mkdirSync(join(scratch.path, "folder"));
});
afterAll(() => scratch.remove());

const lines = (text: string) => text.trimEnd().split("\n");

describe("edge-fpm decode", () => {
  test("shows one line a record, and ends with 0", async () => {
    const { status, stdout, stderr } = await run(["decode", file, "--format", "line"]);
    expect(stderr).toBe("");
    expect(lines(stdout)).toHaveLength(26);
    expect(lines(stdout)[0]).toBe("   0.000000   1 -> #1     BEGIN_REQUEST           8+0  responder, keep connection");
    expect(lines(stdout)[1]).toBe("   0.000000   1 -> #1     PARAMS                 19+5  1 pairs: SCRIPT_NAME=/first");
    expect(lines(stdout)[9]).toBe(
      '   0.001500   1 <- #2     STDOUT                 20+4  "Status: 200\\r\\n\\r\\nfirst"',
    );
    expect(status).toBe(0);
  });

  test("shows every field with its bytes and section, and the states", async () => {
    const { stdout } = await run(["decode", file]);
    expect(stdout).toContain("Connection 1  127.0.0.1:32768 -> 127.0.0.2:9000");
    expect(stdout).toMatch(/00004 00 08 +contentLength {2}8 bytes of content follow/);
    expect(stdout).toContain("[FastCGI 1.0, section 5.1]");
    expect(stdout).toMatch(/web server: none -> sending-stdin +application: none -> receiving-params/);
  });

  test("follows requests: params, answer, STDERR and times", async () => {
    const { stdout } = await run(["decode", file, "--follow", "-r", "4"]);
    expect(stdout).toContain("Request 4 (connection 2, id 2, responder, keep connection, 7 records)");
    expect(stdout).toContain("  STDERR oops");
    expect(stdout).toContain("  Status: 200\n  body 6 bytes\n  | second");
    expect(stdout).toContain("first byte after 1.500 ms");
    expect(stdout).not.toContain("Request 1 ");
  });

  test("shows one request or one connection only", async () => {
    const third = await run(["decode", file, "-f", "line", "--request", "3"]);
    expect(lines(third.stdout)).toHaveLength(6);
    expect(third.stdout).toContain("SCRIPT_NAME=/second");
    expect(lines((await run(["decode", file, "-f", "line", "-c", "2"])).stdout)).toHaveLength(13);
    const none = await run(["decode", file, "--request", "9"]);
    expect(none).toMatchObject({ status: 1, stderr: "edge-fpm: There is no request 9 in the capture.\n" });
  });

  test("prints JSON of a documented shape", async () => {
    const { stdout } = await run(["decode", file, "-f", "json"]);
    const json = JSON.parse(stdout);
    expect(json).toMatchObject({ version: 1, format: "pcapng", otherConnections: 0, warnings: [] });
    expect(json.connections[1].requests[0]).toMatchObject({
      number: 3,
      params: [["SCRIPT_NAME", "/second"]],
      head: "A: b",
    });
    expect(json.connections[0].items[0]).toMatchObject({ kind: "record", type: "BEGIN_REQUEST", requestId: 1 });
  });

  test("takes hex, bare bytes and packed files on standard input", async () => {
    const whole = concat([request(1), answer(1, "hi")]);
    const expected = lines((await run(["decode", "-f", "line"], { stdin: whole })).stdout);
    expect(expected).toHaveLength(6);
    for (const stdin of [toHex(whole), gzipSync(whole), `0x${toHex(whole)}\n`]) {
      expect(lines((await run(["decode", "-", "-f", "line"], { stdin })).stdout)).toEqual(expected);
    }
  });

  test("takes a file of a kind that is named, whatever it looks like", async () => {
    const { stdout, status } = await run(["decode", "--input", "raw", "-f", "line"], { stdin: "01 02" });
    expect(stdout).toContain("! version 48 where a record header should start; only 1 exists");
    expect(status).toBe(1);
  });

  test("ends with 1 when something is malformed, and says what", async () => {
    const { status, stdout } = await run(["decode", "-f", "line"], {
      stdin: "0101000100080000 0001 01 0000000000 01050001 0000 00 00",
    });
    expect(stdout).toContain("! stdin-end while the application is receiving-params");
    expect(status).toBe(1);
  });

  test("ends with 1 and one line for what is no capture", async () => {
    const { status, stderr, stdout } = await run(["decode"], { stdin: Uint8Array.of(0xff, 0xd8, 0xff) });
    expect(stdout).toBe("");
    expect(stderr).toMatch(/^edge-fpm: standard input: begins with ff d8 ff: neither pcap.*\n$/);
    expect(status).toBe(1);
    const other = await run(["decode", NGINX, "--port", "80"]);
    expect(other).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/No connection to port 80 in \d+ packets/),
    });
  });

  test("ends with 2 for what the command line has wrong", async () => {
    for (const args of [
      ["a", "b"],
      ["--format", "xml"],
      ["--port", "x"],
      ["/no/such/file"],
      [scratch.path],
      ["--folow"],
    ]) {
      expect(await run(["decode", ...args])).toMatchObject({ status: 2, stdout: "" });
    }
    expect((await run(["decode", "--folow"])).stderr).toContain("Did you mean --follow?");
  });

  test("lets no control character of a peer reach the terminal", async () => {
    const evil = "\u001b]0;title\u0007\u001b[2J\u009b31m\u202e";
    const stdin = concat([request(1, [[evil.slice(0, 4), "\u001b[31m"]]), answer(1, `A: ${evil}\n\n${evil}`, evil)]);
    for (const args of [["-f", "line"], [], ["--follow"]]) {
      const { stdout } = await run(["decode", ...args], { stdin });
      // biome-ignore lint/suspicious/noControlCharactersInRegex: it is what is looked for.
      expect(stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
      expect(stdout).toContain("\\x1b");
    }
  });

  test("shows a truncated capture up to its end, with a warning", async () => {
    const half = readFileSync(NGINX).subarray(0, 10_000);
    const { stderr, stdout } = await run(["decode", "-f", "line"], { stdin: half });
    expect(stderr).toMatch(/^edge-fpm: the file ends inside a block at byte \d+: \d+ of \d+ bytes\.\n$/);
    expect(stdout).toContain("END_REQUEST");
  });

  test("helps with options, examples and exit codes", async () => {
    const { stdout, status } = await run(["decode", "--help"]);
    expect(stdout).toContain("Usage: edge-fpm decode [file|-] [options]");
    expect(stdout).toContain("Ends with 0");
    expect(status).toBe(0);
  });
});
