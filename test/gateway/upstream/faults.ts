// What an application can do wrong, each with what the gateway makes of it. The tests of several ways to it share this table.

import { answerOf, endRequest, rawRecord, type ScriptedRequest, stdout } from "../../peers/scripted-application.ts";

export const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const HEAD = "Content-Type: text/plain\r\n\r\n";
/** Long enough that the gateway has begun to answer. */
const BEGUN = 150;
/** The application's silence allowed, in milliseconds: longer than any pause below. */
export const SILENCE = 800;

export interface Fault {
  readonly what: string;
  readonly answer: (request: ScriptedRequest) => void | Promise<void>;
  /** The visitor's status; "broken" for a 200 whose body breaks off. */
  readonly gives: number | "broken";
  readonly body?: string;
  /** What the operator is told. */
  readonly code?: string;
  readonly stderr?: string;
  /** nginx 1.22, where it does otherwise. "whole": it takes for a whole answer what is not. */
  readonly nginx?: number | "broken" | "whole";
  /** Its records are cut by pauses: on a shared connection, other answers come to stand inside them. */
  readonly cut?: boolean;
}

export const FAULTS: readonly Fault[] = [
  {
    what: "another protocol version",
    answer: ({ id, write }) => write(stdout(id, `${HEAD}x`, { version: 2 }), endRequest(id)),
    gives: 502,
    code: "EXCHANGE_PROTOCOL",
  },
  {
    what: "an answer with an id that nobody has",
    answer: ({ id, write }) => write(answerOf(id + 100, "not yours")),
    gives: 504,
    nginx: 502,
    code: "EXCHANGE_TIMEOUT",
  },
  {
    what: "records of another id without end",
    answer: async ({ id, write, socket }) => {
      while (socket.writable) {
        write(stdout(id + 100, "not yours"));
        await pause(20);
      }
    },
    gives: 504,
    nginx: 502,
    code: "EXCHANGE_TIMEOUT",
  },
  {
    what: "records of other ids between those of the request",
    answer: ({ id, write }) => {
      // Not the id of a request beside it on a shared connection: whose bytes those are only the application knows.
      const foreign = answerOf(id + 100, "not yours");
      write(foreign, stdout(id, `${HEAD}mi`), foreign, stdout(id, "ne"), foreign, endRequest(id));
    },
    gives: 200,
    nginx: 502,
    body: "mine",
  },
  {
    what: "END_REQUEST without STDOUT",
    answer: ({ id, write }) => write(endRequest(id)),
    gives: 502,
    code: "CGI_NO_HEADER",
  },
  {
    what: "STDERR only",
    answer: ({ id, write }) => write(rawRecord(7, id, "PHP message: oops\n"), endRequest(id)),
    gives: 502,
    code: "CGI_NO_HEADER",
    stderr: "PHP message: oops",
  },
  {
    what: "records cut in the middle of their headers and contents",
    answer: async ({ id, write }) => {
      const bytes = answerOf(id, "in pieces");
      for (let at = 0; at < bytes.length; at += 5) {
        write(bytes.subarray(at, at + 5));
        await pause(1);
      }
    },
    gives: 200,
    cut: true,
    body: "in pieces",
  },
  {
    what: "records of one byte",
    answer: ({ id, write }) => {
      const bytes = [...`${HEAD}one by one`].map((char) => stdout(id, char));
      write(...bytes, endRequest(id));
    },
    gives: 200,
    body: "one by one",
  },
  {
    what: "255 bytes of padding, on empty records too",
    answer: ({ id, write }) => {
      const padding = { padding: 255 };
      write(stdout(id, `${HEAD}pad`, padding), stdout(id, "ded", padding), stdout(id, "", padding));
      write(endRequest(id, 0, padding));
    },
    gives: 200,
    body: "padded",
  },
  { what: "no answer, ever", answer: () => {}, gives: 504, code: "EXCHANGE_TIMEOUT" },
  {
    what: "silence in the middle of the header",
    answer: ({ id, write }) => write(stdout(id, "Content-Type: te")),
    gives: 504,
    code: "EXCHANGE_TIMEOUT",
  },
  {
    what: "silence in the middle of the body",
    answer: ({ id, write }) => write(stdout(id, `${HEAD}half`)),
    gives: "broken",
    code: "EXCHANGE_TIMEOUT",
  },
  {
    what: "a reset in the middle of the header",
    answer: async ({ id, write, reset }) => {
      write(stdout(id, "Content-Type: te"));
      await pause(10);
      reset();
    },
    gives: 502,
    code: "EXCHANGE_BROKEN",
  },
  {
    what: "a reset in the middle of the body",
    answer: async ({ id, write, reset }) => {
      write(stdout(id, `${HEAD}half`));
      await pause(BEGUN);
      reset();
    },
    gives: "broken",
    code: "EXCHANGE_BROKEN",
  },
  {
    what: "an end instead of END_REQUEST, which nginx takes for a whole body",
    answer: async ({ id, write, end }) => {
      write(stdout(id, `${HEAD}half`));
      await pause(BEGUN);
      end();
    },
    gives: "broken",
    nginx: "whole",
    code: "EXCHANGE_BROKEN",
  },
  {
    what: "an end in the middle of a record",
    answer: async ({ id, write, end }) => {
      write(stdout(id, `${HEAD}half`), stdout(id, "x".repeat(100)).subarray(0, 50));
      await pause(BEGUN);
      end();
    },
    gives: "broken",
    cut: true,
    nginx: "whole",
    code: "EXCHANGE_BROKEN",
  },
  { what: "an end at once", answer: ({ end }) => end(), gives: 502, code: "EXCHANGE_BROKEN" },
  {
    what: "OVERLOADED",
    answer: ({ id, write }) => write(endRequest(id, 2)),
    gives: 503,
    nginx: 502,
    code: "GATEWAY_REFUSED",
  },
  { what: "CANT_MPX_CONN", answer: ({ id, write }) => write(endRequest(id, 1)), gives: 502, code: "GATEWAY_REFUSED" },
  { what: "UNKNOWN_ROLE", answer: ({ id, write }) => write(endRequest(id, 3)), gives: 502, code: "GATEWAY_REFUSED" },
  {
    what: "a protocol status that does not exist",
    answer: ({ id, write }) => write(endRequest(id, 99)),
    gives: 502,
    code: "GATEWAY_REFUSED",
  },
  {
    what: "a whole body and then OVERLOADED, which nginx takes for a success",
    answer: async ({ id, write }) => {
      write(stdout(id, `${HEAD}body`));
      await pause(BEGUN);
      write(endRequest(id, 2));
    },
    gives: "broken",
    nginx: "whole",
    code: "GATEWAY_REFUSED",
  },
  {
    what: "1 MB of headers",
    answer: ({ id, write }) => {
      for (let sent = 0; sent < 1_000_000; sent += 10_000) write(stdout(id, `X-A: ${"x".repeat(9_993)}\r\n`));
      write(stdout(id, "\r\nbody"), endRequest(id));
    },
    gives: 502,
    code: "CGI_HEADER_LIMIT",
  },
  {
    what: "HTTP instead of FastCGI",
    answer: ({ write }) => write(Buffer.from("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")),
    gives: 502,
    code: "EXCHANGE_PROTOCOL",
  },
  {
    what: "garbage behind a sound head",
    answer: async ({ id, write }) => {
      write(stdout(id, `${HEAD}half`));
      await pause(BEGUN);
      write(Uint8Array.from({ length: 500 }, (_, index) => (index * 73 + 11) & 255));
    },
    gives: "broken",
    code: "EXCHANGE_PROTOCOL",
  },
  {
    what: "STDOUT that is no CGI response",
    answer: ({ id, write }) => write(stdout(id, "<html>no header</html>\n\n"), endRequest(id)),
    gives: 502,
    code: "CGI_BAD_HEADER",
  },
  {
    what: "data behind END_REQUEST, in one piece with it",
    answer: ({ id, write }) => write(answerOf(id, "first"), stdout(id, "LEAK"), rawRecord(7, id, "LEAK")),
    gives: 200,
    body: "first",
  },
  {
    what: "data behind END_REQUEST, when the next request may be under way",
    answer: async ({ id, write }) => {
      write(answerOf(id, "first"));
      await pause(15);
      write(answerOf(id, "LEAK"));
      await pause(15);
      write(answerOf(id, "LEAK"));
    },
    gives: 200,
    body: "first",
  },
  {
    what: "END_REQUEST twice",
    answer: ({ id, write }) => write(answerOf(id, "once"), endRequest(id), endRequest(id, 2)),
    gives: 200,
    body: "once",
  },
  {
    what: "a short END_REQUEST",
    answer: ({ id, write }) => write(rawRecord(3, id, "\0\0\0\0")),
    gives: 502,
    code: "EXCHANGE_PROTOCOL",
  },
  {
    what: "UNKNOWN_TYPE and GET_VALUES_RESULT that nobody asked for",
    answer: ({ id, write }) => {
      const values = "\x0f\x01FCGI_MPXS_CONNS0";
      write(rawRecord(11, 0, "\x09\0\0\0\0\0\0\0"), rawRecord(10, 0, values), answerOf(id, "fine"));
    },
    gives: 200,
    nginx: 502,
    body: "fine",
  },
  {
    what: "a record that only a web server sends",
    answer: ({ id, write }) => write(rawRecord(4, id, "\x01\x01ab"), answerOf(id, "x")),
    gives: 502,
    code: "EXCHANGE_PROTOCOL",
  },
  {
    what: "one byte each 50 ms",
    answer: async ({ id, write }) => {
      for (const byte of Buffer.concat([stdout(id, "A:b\n\nok"), endRequest(id)])) {
        write(Uint8Array.of(byte));
        await pause(50);
      }
    },
    gives: 200,
    body: "ok",
    cut: true,
  },
];
