// Speed of the codec: our decoder beside a bare header loop, memcpy and npm's fastcgi-stream, in the same rounds.

import { EventEmitter } from "node:events";
import { createRequire } from "node:module";
import {
  encodeHeader,
  encodeParams,
  encodeRecord,
  type Pair,
  ParamsDecoder,
  RecordDecoder,
} from "../src/codec/index.ts";
import { ApplicationConnection, WebServerConnection } from "../src/connection/index.ts";
import { median, type Row, renderTable, type Table } from "./table.ts";

/** What we use of fastcgi-stream, which has no types of its own. */
interface FastCgiStream {
  FastCGIStream: new (stream: EventEmitter) => EventEmitter;
  records: {
    Params: new (pairs?: readonly Pair[]) => { getSize(): number; write(b: Buffer): void; read(b: Buffer): void };
  };
}
const fastcgiStream = createRequire(import.meta.url)("fastcgi-stream") as FastCgiStream;

/** Does some work and returns how much, in the unit of its table. */
type Work = () => number;
type Contestants = Readonly<Record<string, Work>>;

/** Milliseconds that one contestant runs in one round. Short: the machine's mood must be the same for all. */
const SLICE = { full: 60, quick: 25 };
const ROUNDS = { full: 15, quick: 7 };

/** Keeps the results of the loops alive, or the engine may leave the loops out. */
let sink = 0;

export async function benchCodec(quick: boolean): Promise<readonly Table[]> {
  return [
    smallRecords(quick, 64 * 1024),
    smallRecords(quick, 1460),
    largeRecords(quick),
    params(quick),
    requests(quick),
  ];
}

/** Median rate of each contestant, in units a second, and each round's rates to take ratios of. */
function measure(contestants: Contestants, quick: boolean): (name: string, against?: string) => [number, number] {
  const slice = quick ? SLICE.quick : SLICE.full;
  const rates = new Map<string, number[]>(Object.keys(contestants).map((name) => [name, []]));
  const rounds = quick ? ROUNDS.quick : ROUNDS.full;
  for (let round = -2; round < rounds; round++) {
    for (const [name, work] of Object.entries(contestants)) {
      const start = performance.now();
      let amount = 0;
      let elapsed = 0;
      do {
        amount += work();
        elapsed = performance.now() - start;
      } while (elapsed < slice);
      // The first two rounds are for the compiler.
      if (round >= 0) rates.get(name)?.push((amount / elapsed) * 1000);
    }
  }
  const of = (name: string) => rates.get(name) ?? [];
  return (name, against = name) => [
    median(of(name)),
    median(of(name).map((rate, round) => rate / (of(against)[round] ?? Number.NaN))),
  ];
}

function smallRecords(quick: boolean, chunkLength: number): Table {
  const length = 16;
  const count = 256 * 1024;
  const bytes = new Uint8Array(count * length);
  for (let i = 0; i < count; i++) encodeHeader(bytes, i * length, 6, (i & 0xff) + 1, length - 8, 0);
  const chunks = cut(bytes, chunkLength);
  const copy = new Uint8Array(chunkLength);
  // fastcgi-stream needs a time that grows with the square of a chunk's records: a few chunks tell enough.
  const few = chunks.slice(0, Math.max(1, Math.ceil((16 * 1024) / chunkLength))).map((chunk) => Buffer.from(chunk));
  const fewRecords = few.reduce((sum, chunk) => sum + chunk.length, 0) / length;

  const result = measure(
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
        sink += sum;
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
        sink += sum;
        return count;
      },
      "fastcgi-stream": () => {
        const stream = new EventEmitter();
        new fastcgiStream.FastCGIStream(stream).on("record", (id: number) => {
          sink += id;
        });
        for (const chunk of few) stream.emit("data", chunk);
        return fewRecords;
      },
    },
    quick,
  );
  const row = (name: string, label: string, more: Partial<Row> = {}): Row => {
    const [rate, ratio] = result(name, more.against);
    return {
      name: label,
      value: rate / 1e6,
      unit: "M records/s",
      ...(more.against === undefined ? {} : { ratio }),
      ...more,
    };
  };
  const whole = chunkLength >= 64 * 1024;
  return {
    title: `Records of 16 bytes in chunks of ${chunkLength.toLocaleString("en-US")} bytes`,
    method: `Header and content of 8 bytes each. ${method(quick)}`,
    rows: [
      row("memcpy", "memcpy of the same bytes"),
      row("bare", "bare header loop"),
      row("ours", "RecordDecoder", { against: "bare", target: whole ? 0.7 : 0.5 }),
      row("fastcgi-stream", "npm fastcgi-stream"),
      row("ours", "RecordDecoder", { against: "fastcgi-stream", ...(whole ? { target: 500 } : {}) }),
    ],
  };
}

function largeRecords(quick: boolean): Table {
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
      sink += filled;
      return bytes.length;
    };
  const whole = cut(bytes, 1024 * 1024);
  const cutOnes = cut(bytes, 64_000);
  const result = measure(
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
  const row = (name: string, label: string, more: Partial<Row> = {}): Row => {
    const [rate, ratio] = result(name, more.against);
    return { name: label, value: rate / 1e9, unit: "GB/s", ...(more.against === undefined ? {} : { ratio }), ...more };
  };
  return {
    title: "Records of 64 KB",
    method: `Content of 65,528 bytes. ${method(quick)}`,
    rows: [
      row("memcpy", "memcpy of the same bytes"),
      row("whole", "decode + copy, chunks of 1 MB", { against: "memcpy", target: 0.9 }),
      row("cut", "decode + copy to new memory, every record cut", { against: "memcpy" }),
      row("memcpy again", "memcpy of one content, again and again"),
      row("write", "encode: header + copy of one content", { against: "memcpy again" }),
    ],
  };
}

function params(quick: boolean): Table {
  const pairs = requestParams();
  const block = encodeParams(pairs)[0] ?? new Uint8Array(0);
  const buffer = Buffer.from(block);
  const times = 100;
  const repeat =
    (work: () => number): Work =>
    () => {
      for (let i = 0; i < times; i++) sink += work();
      return times * pairs.length;
    };
  const result = measure(
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
  const row = (name: string, label: string, more: Partial<Row> = {}): Row => {
    const [rate, ratio] = result(name, more.against);
    return {
      name: label,
      value: rate / 1e6,
      unit: "M pairs/s",
      ...(more.against === undefined ? {} : { ratio }),
      ...more,
    };
  };
  return {
    title: `Name-value pairs: ${pairs.length} params of a request, ${block.length.toLocaleString("en-US")} bytes`,
    method: method(quick),
    rows: [
      row("encode theirs", "encode, npm fastcgi-stream"),
      row("encode", "encodeParams", { against: "encode theirs", target: 5 }),
      row("decode theirs", "decode, npm fastcgi-stream"),
      row("decode", "ParamsDecoder", { against: "decode theirs", target: 4.5 }),
    ],
  };
}

/** Framing of whole requests: both connections, no transport and no application. */
function requests(quick: boolean): Table {
  const pairs = requestParams();
  const answer = new TextEncoder().encode(`Content-type: text/html; charset=UTF-8\r\n\r\n${"x".repeat(1000)}`);
  const webServer = new WebServerConnection();
  const application = new ApplicationConnection();
  const result = measure(
    {
      request: () => {
        for (let i = 0; i < 100; i++) {
          webServer.endStdin(webServer.begin({ role: "responder", keepConnection: true, params: pairs }));
          for (const chunk of webServer.takeOutput()) {
            for (const event of application.receive(chunk)) {
              if (event.type !== "stdin-end") continue;
              application.writeStdout(event.requestId, answer);
              application.endRequest(event.requestId, 0);
            }
          }
          for (const chunk of application.takeOutput()) sink += webServer.receive(chunk).length;
        }
        return 100;
      },
    },
    quick,
  );
  return {
    title: "Framing of a whole request, both ways",
    method: `40 params, an answer of 1 KB, both connections in one thread. ${method(quick)}`,
    rows: [{ name: "one request", value: 1e6 / result("request")[0], unit: "us" }],
  };
}

function cut(bytes: Uint8Array, length: number): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += length) chunks.push(bytes.subarray(at, at + length));
  return chunks;
}

/** What nginx sends for a browser's GET: its `fastcgi_params`, and the headers. */
function requestParams(): Pair[] {
  const fixed: Pair[] = [
    ["QUERY_STRING", "page=2&sort=name"],
    ["REQUEST_METHOD", "GET"],
    ["CONTENT_TYPE", ""],
    ["CONTENT_LENGTH", ""],
    ["SCRIPT_FILENAME", "/var/www/example/public/index.php"],
    ["SCRIPT_NAME", "/index.php"],
    ["REQUEST_URI", "/articles?page=2&sort=name"],
    ["DOCUMENT_URI", "/index.php"],
    ["DOCUMENT_ROOT", "/var/www/example/public"],
    ["SERVER_PROTOCOL", "HTTP/1.1"],
    ["REQUEST_SCHEME", "https"],
    ["HTTPS", "on"],
    ["GATEWAY_INTERFACE", "CGI/1.1"],
    ["SERVER_SOFTWARE", "edge-fpm"],
    ["REMOTE_ADDR", "203.0.113.17"],
    ["REMOTE_PORT", "51234"],
    ["REMOTE_USER", ""],
    ["SERVER_ADDR", "198.51.100.4"],
    ["SERVER_PORT", "443"],
    ["SERVER_NAME", "www.example.org"],
    ["REDIRECT_STATUS", "200"],
    ["HTTP_HOST", "www.example.org"],
    ["HTTP_USER_AGENT", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"],
    ["HTTP_ACCEPT", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"],
    ["HTTP_ACCEPT_LANGUAGE", "en-GB,en;q=0.5"],
    ["HTTP_ACCEPT_ENCODING", "gzip, deflate, br, zstd"],
    ["HTTP_REFERER", "https://www.example.org/articles"],
    ["HTTP_COOKIE", "session=5f0a8c1de2b34f6790a1; theme=dark; seen=1"],
    ["HTTP_CACHE_CONTROL", "max-age=0"],
    ["HTTP_CONNECTION", "keep-alive"],
  ];
  const more = Array.from({ length: 10 }, (_, i): Pair => [`HTTP_X_EXAMPLE_${i}`, `value number ${i}`]);
  return [...fixed, ...more];
}

function method(quick: boolean): string {
  const [rounds, slice] = quick ? [ROUNDS.quick, SLICE.quick] : [ROUNDS.full, SLICE.full];
  return `Medians of ${rounds} rounds in which each runs for ${slice} ms in turn; ratios are taken within a round.`;
}

if (import.meta.main) {
  for (const table of await benchCodec(process.argv.includes("--quick"))) console.log(renderTable(table));
  if (sink === 0) console.log("nothing was measured");
}
