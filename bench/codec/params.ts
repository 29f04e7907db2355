// Name-value pairs: encoding and decoding a whole block, beside npm's fastcgi-stream.

import { encodeParams, ParamsDecoder } from "../../src/codec/index.ts";
import type { Table } from "../table.ts";
import { fastcgiStream } from "./fastcgi-stream.ts";
import { consume, measure, methodOf, type RowSource, rateRow, type Work } from "./measure.ts";
import { requestParams } from "./request-params.ts";

export function benchParams(quick: boolean): Table {
  const pairs = requestParams();
  const block = encodeParams(pairs)[0] ?? new Uint8Array(0);
  const buffer = Buffer.from(block);
  const times = 100;
  const repeat =
    (work: () => number): Work =>
    () => {
      for (let i = 0; i < times; i++) consume(work());
      return times * pairs.length;
    };
  const rates = measure(
    {
      encode: repeat(() => encodeParams(pairs).length),
      "encode theirs": repeat(() => {
        const record = new fastcgiStream.records.Params(pairs);
        const bytes = Buffer.alloc(record.getSize());
        record.write(bytes);
        return bytes.length;
      }),
      decode: repeat(() => {
        const decoder = new ParamsDecoder();
        decoder.push(block, 0, block.length);
        return decoder.finish().length;
      }),
      "decode theirs": repeat(() => {
        new fastcgiStream.records.Params().read(buffer);
        return 1;
      }),
    },
    quick,
  );
  const source: RowSource = { rates, scale: 1e6, unit: "M pairs/s" };
  return {
    title: `Name-value pairs: ${pairs.length} params of a request, ${block.length.toLocaleString("en-US")} bytes`,
    method: methodOf(quick),
    rows: [
      rateRow(source, "encode theirs", "encode, npm fastcgi-stream"),
      rateRow(source, "encode", "encodeParams", {
        against: "encode theirs",
        called: "theirs",
        target: { ratioAtLeast: 5 },
      }),
      rateRow(source, "decode theirs", "decode, npm fastcgi-stream"),
      rateRow(source, "decode", "ParamsDecoder", {
        against: "decode theirs",
        called: "theirs",
        target: { ratioAtLeast: 4.5 },
      }),
    ],
  };
}
