// Captures of real web servers and applications: read, encoded again to the same bytes, and compared with what
// Wireshark's dissector says, record by record.

import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { followCapture } from "../../src/capture/follow.ts";
import { writePcapng } from "../../src/capture/pcapng-write.ts";
import { readCapture } from "../../src/capture/read.ts";
import { type CapturedRecord, contentOf } from "../../src/capture/records.ts";
import {
  concat,
  decodeParams,
  decodeRecord,
  encodeHeader,
  encodeParams,
  encodeRecord,
  HEADER_LENGTH,
  RecordType,
} from "../../src/codec/index.ts";
import { tsharkRecords, tsharkWarnings } from "../capture/tshark.ts";
import { run } from "../cli/run.ts";
import { toHex } from "../codec/wire.ts";
import { describePeers } from "../peers/peer.ts";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const NAMES = readdirSync(HERE).filter((name) => name.endsWith(".pcapng"));
const read = (name: string) => followCapture(readCapture(readFileSync(join(HERE, name))));
const records = (name: string) =>
  read(name).flatMap(({ items }) =>
    items.flatMap(({ item }): CapturedRecord[] => (item.type === "record" ? [item] : [])),
  );

describe("the captures", () => {
  test("are those of five web servers, of libfcgi and of our own client, each small", () => {
    const made = ["apache", "caddy", "cgi-fcgi", "edge-fpm", "haproxy", "lighttpd", "nginx", "nginx-keep"];
    expect(NAMES.toSorted()).toEqual(made.map((name) => `${name}.pcapng`).toSorted());
    for (const name of NAMES) expect(statSync(join(HERE, name)).size).toBeLessThan(100_000);
  });
});

describe.each(NAMES)("%s", (name) => {
  test("is FastCGI from the first byte to the last, and every request has its end", () => {
    for (const { items, requests } of read(name)) {
      expect(items.flatMap(({ problems }) => problems)).toEqual([]);
      expect(requests.every(({ end }) => end?.protocolStatus === "request-complete")).toBe(true);
    }
    const answers = read(name).flatMap(({ requests }) =>
      requests.map(({ stdout }) => new TextDecoder().decode(stdout.content)),
    );
    expect(answers.join("\n")).toContain("hello Ada");
    expect(answers.join("\n")).toContain("warned");
    const lines = read(name).flatMap(({ requests }) =>
      requests.map(({ stderr }) => new TextDecoder().decode(stderr.content)),
    );
    expect(lines.join("\n")).toContain("a line on STDERR");
  });

  test("is encoded again to the same bytes", () => {
    for (const record of records(name)) {
      const content = contentOf(record);
      const decoded = decodeRecord(
        record.recordType,
        record.requestId,
        record.bytes,
        HEADER_LENGTH,
        HEADER_LENGTH + content.length,
      );
      const again = encodeRecord(decoded, { padding: false });
      // php-fpm leaves stale memory in the reserved bytes of END_REQUEST and in padding: these come from the capture.
      if (record.recordType === RecordType.END_REQUEST) again.set(content.subarray(5), HEADER_LENGTH + 5);
      expect(toHex(again.subarray(HEADER_LENGTH))).toBe(toHex(content));
      encodeHeader(again, 0, record.recordType, record.requestId, content.length, record.paddingLength);
      const padding = record.bytes.subarray(HEADER_LENGTH + content.length);
      expect(toHex(concat([again, padding]))).toBe(toHex(record.bytes));
    }
  });

  test("has params that are encoded again to the same bytes", () => {
    for (const { items, requests } of read(name)) {
      for (const request of requests) {
        const stream = concat(
          request.items.flatMap((index) => {
            const item = items[index]?.item;
            return item?.type === "record" && item.recordType === RecordType.PARAMS ? [contentOf(item)] : [];
          }),
        );
        expect(toHex(concat(encodeParams(decodeParams(stream))))).toBe(toHex(stream));
      }
    }
  });

  test("is written to the same records as it was read from", () => {
    const connections = read(name).map(({ connection }) => connection);
    const again = followCapture(readCapture(writePcapng(connections)));
    const bytes = (all: typeof again) =>
      all.map(({ items }) =>
        items.map(({ item }) => `${item.direction} ${item.type === "record" ? toHex(item.bytes) : item.type}`),
      );
    expect(bytes(again)).toEqual(bytes(read(name)));
  });
});

describe("edge-fpm.pcapng", () => {
  test("has what the others have not: values, requests that are answered at the same time, an abort, every role", () => {
    const all = records("edge-fpm.pcapng");
    const types = new Set(all.map(({ recordType }) => recordType));
    for (const type of [
      RecordType.GET_VALUES,
      RecordType.GET_VALUES_RESULT,
      RecordType.ABORT_REQUEST,
      RecordType.DATA,
    ]) {
      expect(types).toContain(type);
    }
    const output = all.filter(({ recordType }) => recordType === RecordType.STDOUT).map(({ requestId }) => requestId);
    // Somewhere a request's output goes on after another's.
    expect(output.some((id, at) => output[at - 1] !== id && output.slice(0, at).includes(id))).toBe(true);
    const roles = read("edge-fpm.pcapng").flatMap(({ requests }) => requests.map(({ role }) => role));
    expect(new Set(roles)).toEqual(new Set(["responder", "authorizer", "filter"]));
    const aborted = read("edge-fpm.pcapng").flatMap(({ requests }) => requests.map((request) => request.aborted));
    expect(aborted.filter(Boolean)).toHaveLength(1);
  });
});

describePeers(["tshark"], "tshark and edge-fpm decode", () => {
  test.each(NAMES)("agree on every record of %s", async (name) => {
    const { status, stdout } = await run(["decode", join(HERE, name), "--format", "json"]);
    expect(status).toBe(0);
    const { connections } = JSON.parse(stdout);
    const ours = connections.flatMap((connection: { id: number; items: Record<string, unknown>[] }) =>
      connection.items
        .filter(({ kind }) => kind === "record")
        .map((item) => ({
          stream: connection.id - 1,
          toApplication: item.direction === "to-application",
          type: item.typeCode,
          requestId: item.requestId,
          contentLength: item.contentLength,
          paddingLength: item.paddingLength,
        })),
    );
    expect(ours.length).toBeGreaterThan(20);
    expect(tsharkRecords(join(HERE, name)).toSorted((a, b) => a.stream - b.stream)).toEqual(ours);
    expect(tsharkWarnings(join(HERE, name))).toEqual([]);
  });
});
