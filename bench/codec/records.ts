// Records: our decoder beside a bare header loop, memcpy and npm's fastcgi-stream.

import { EventEmitter } from "node:events";
import { encodeHeader, encodeRecord, RecordDecoder } from "../../src/codec/index.ts";
import { median, medianRatio, type Row, type Table } from "../table.ts";
import { fastcgiStream } from "./fastcgi-stream.ts";
import { consume, measure, methodOf, type RowSource, rateRow, type Work } from "./measure.ts";

export function benchSmallRecords(quick: boolean, chunkLength: number): Table {
  const length = 16;
  const count = 256 * 1024;
  const bytes = new Uint8Array(count * length);
  for (let i = 0; i < count; i++) encodeHeader(bytes, i * length, 6, (i & 0xff) + 1, length - 8, 0);
  const chunks = cut(bytes, chunkLength);
  const copy = new Uint8Array(chunkLength);
  // fastcgi-stream needs a time that grows with the square of a chunk's records: a few chunks tell enough.
  const few = chunks.slice(0, Math.max(1, Math.ceil((16 * 1024) / chunkLength))).map((chunk) => Buffer.from(chunk));
  const fewRecords = few.reduce((sum, chunk) => sum + chunk.length, 0) / length;

  const rates = measure(
    {
      memcpy: () => {
        for (const chunk of chunks) copy.set(chunk);
        return count;
      },
      bare: () => {
        let sum = 0;
        let at = 0;
        for (const chunk of chunks) {
          const end = chunk.length;
          while (at + length <= end) {
            if (chunk[at] !== 1) throw new Error("bad version");
            const contentLength = ((chunk[at + 4] as number) << 8) | (chunk[at + 5] as number);
            const id = ((chunk[at + 2] as number) << 8) | (chunk[at + 3] as number);
            sum += (chunk[at + 1] as number) + id + contentLength;
            at += 8 + contentLength + (chunk[at + 6] as number);
          }
          // A record that is cut is passed over unread.
          at = at === end ? 0 : at + length - end;
        }
        consume(sum);
        return count;
      },
      ours: () => {
        const decoder = new RecordDecoder();
        let sum = 0;
        for (const chunk of chunks) {
          decoder.decode(chunk, (type, id, _buffer, start, end) => {
            sum += type + id + end - start;
          });
        }
        decoder.end();
        consume(sum);
        return count;
      },
      "fastcgi-stream": () => {
        const stream = new EventEmitter();
        new fastcgiStream.FastCGIStream(stream).on("record", (id: number) => {
          consume(id);
        });
        for (const chunk of few) stream.emit("data", chunk);
        return fewRecords;
      },
    },
    quick,
  );
  const source: RowSource = { rates, scale: 1e6, unit: "M records/s" };
  const whole = chunkLength >= 64 * 1024;
  return {
    title: `Records of 16 bytes in chunks of ${chunkLength.toLocaleString("en-US")} bytes`,
    method: `Header and content of 8 bytes each. ${methodOf(quick)}`,
    rows: [
      rateRow(source, "memcpy", "memcpy of the same bytes"),
      rateRow(source, "bare", "bare header loop"),
      rateRow(source, "ours", "RecordDecoder", { against: "bare", target: { ratioAtLeast: whole ? 0.7 : 0.5 } }),
      rateRow(source, "fastcgi-stream", "npm fastcgi-stream"),
      rateRow(source, "ours", "RecordDecoder", {
        against: "fastcgi-stream",
        ...(whole ? { target: { ratioAtLeast: 500 } } : {}),
      }),
    ],
  };
}

export function benchLargeRecords(quick: boolean): Table {
  const content = new Uint8Array(65528).fill(120);
  const record = encodeRecord({ type: "stdout", requestId: 1, content });
  const bytes = new Uint8Array(128 * record.length);
  for (let at = 0; at < bytes.length; at += record.length) bytes.set(record, at);
  const target = new Uint8Array(1024 * 1024);

  const copying =
    (chunks: readonly Uint8Array[]): Work =>
    () => {
      for (const chunk of chunks) target.set(chunk);
      return bytes.length;
    };
  const decoding =
    (chunks: readonly Uint8Array[]): Work =>
    () => {
      const decoder = new RecordDecoder();
      let filled = 0;
      for (const chunk of chunks) {
        filled = 0;
        decoder.decode(chunk, (_type, _id, buffer, start, end) => {
          // A buffer that is not the chunk was made for this record: it is a copy already.
          if (buffer !== chunk) return;
          target.set(buffer.subarray(start, end), filled);
          filled += end - start;
        });
      }
      consume(filled);
      return bytes.length;
    };
  const whole = cut(bytes, 1024 * 1024);
  const cutOnes = cut(bytes, 64_000);
  const rates = measure(
    {
      memcpy: copying(whole),
      whole: decoding(whole),
      cut: decoding(cutOnes),
      "memcpy again": () => {
        for (let i = 0; i < 128; i++) target.set(content, 8);
        return bytes.length;
      },
      write: () => {
        let filled = 0;
        for (let i = 0; i < 128; i++) {
          filled = encodeHeader(target, 0, 6, 1, content.length, 0);
          target.set(content, filled);
        }
        return bytes.length;
      },
    },
    quick,
  );
  const source: RowSource = { rates, scale: 1e9, unit: "GB/s" };
  return {
    title: "Records of 64 KB",
    method: `Content of 65,528 bytes. ${methodOf(quick)}`,
    rows: [
      rateRow(source, "memcpy", "memcpy of the same bytes"),
      rateRow(source, "whole", "decode + copy, chunks of 1 MB", { against: "memcpy", target: { ratioAtLeast: 0.9 } }),
      rateRow(source, "cut", "decode + copy to new memory, every record cut", { against: "memcpy" }),
      rateRow(source, "memcpy again", "memcpy of one content, again and again"),
      rateRow(source, "write", "encode: header + copy of one content", {
        against: "memcpy again",
        target: { ratioAtLeast: 0.95 },
      }),
    ],
  };
}

function cut(bytes: Uint8Array, length: number): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += length) chunks.push(bytes.subarray(at, at + length));
  return chunks;
}

/**
 * Chunks of every size, down to a byte: the decoder's work grows with the bytes, not with the number of chunks that a
 * record is cut into. A copy of each chunk by `set` is what any decoder that keeps cut records must do.
 */
export function benchChunks(quick: boolean): Table {
  const bytes = new Uint8Array(64 * 1024);
  for (let at = 0; at < bytes.length; at += 64) encodeHeader(bytes, at, 6, 1, 56, 0);
  const kept = new Uint8Array(64);
  const lengths = [1, 2, 7, 64, 1460];
  const contestants: Record<string, Work> = {};
  for (const length of lengths) {
    const chunks = cut(bytes, length);
    contestants[`set ${length}`] = () => {
      for (const chunk of chunks) kept.set(chunk.length > 64 ? chunk.subarray(0, 64) : chunk, 0);
      return bytes.length;
    };
    contestants[`decode ${length}`] = () => {
      const decoder = new RecordDecoder();
      let sum = 0;
      for (const chunk of chunks) {
        decoder.decode(chunk, (_type, _id, _buffer, start, end) => {
          sum += end - start;
        });
      }
      decoder.end();
      consume(sum);
      return bytes.length;
    };
  }
  const rates = measure(contestants, quick);
  const rows = lengths.map((length) => {
    const own = rates.get(`decode ${length}`) ?? [];
    const set = rates.get(`set ${length}`) ?? [];
    const row: Row = { name: `chunks of ${length.toLocaleString("en-US")} B`, value: 1e9 / median(own), unit: "ns/B" };
    // Time against time: the rates the other way round.
    return length === 1
      ? { ...row, ratio: medianRatio(set, own), against: "one set a chunk", target: { ratioAtMost: 1.3 } }
      : { ...row, ratio: medianRatio(set, own), against: "one set a chunk" };
  });
  return { title: "Records of 64 bytes, cut everywhere", method: methodOf(quick), rows };
}
