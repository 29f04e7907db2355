// The codec as web streams: convenient for tools and tests. The connections use the decoder itself.

import { RecordDecoder } from "./decoder.ts";
import type { FastCgiRecord } from "./record.ts";
import { decodeRecord } from "./record-decode.ts";
import { encodeRecord } from "./record-encode.ts";

/**
 * Bytes in, cut anywhere; records out, their content copied. Errors with a `RemoteProtocolError` when the bytes are no
 * FastCGI or end inside a record.
 */
export function recordDecoderStream(): TransformStream<Uint8Array, FastCgiRecord> {
  const decoder = new RecordDecoder();
  return new TransformStream<Uint8Array, FastCgiRecord>({
    transform(chunk, controller) {
      decoder.decode(chunk, (type, requestId, buffer, start, end) => {
        controller.enqueue(decodeRecord(type, requestId, buffer.slice(start, end), 0, end - start));
      });
    },
    flush() {
      decoder.end();
    },
  });
}

/** Records in, bytes out: one chunk a record, padded to 8 bytes. Errors as `encodeRecord` throws. */
export function recordEncoderStream(): TransformStream<FastCgiRecord, Uint8Array> {
  return new TransformStream<FastCgiRecord, Uint8Array>({
    transform(record, controller) {
      controller.enqueue(encodeRecord(record));
    },
  });
}
